"""Scripts that teams of both SDKs would write the same way."""

SERVE = """
    def model_fn(model_dir):
        return 2

    def input_fn(body, content_type):
        text = body.decode() if isinstance(body, bytes) else body
        return [float(line) for line in text.split()]

    def predict_fn(data, model):
        return [value * model for value in data]

    def output_fn(prediction, accept):
        return "\\n".join(str(value) for value in prediction) + "\\n"
"""
