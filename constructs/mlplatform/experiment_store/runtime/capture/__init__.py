"""Lambda that keeps one MLflow run for everything that SageMaker does. Its handler is `capture.handler.handler`."""
