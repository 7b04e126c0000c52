"""What the team of the lanes writes: its script, which does what `behaviour.json` among the input says, and its models."""

from __future__ import annotations

PREPARE = """
    import argparse, json, pathlib, sys, time
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    behaviour = options.input / "behaviour.json"
    wanted = json.loads(behaviour.read_text()) if behaviour.exists() else {}
    time.sleep(wanted.get("sleep_seconds", 0))
    held = b"x" * (wanted.get("allocate_mib", 0) << 20)
    time.sleep(0.5 if held else 0)  # Long enough to be seen.
    rows = [path.read_text() for path in sorted(options.input.glob("*.csv"))]
    (options.output / "rows.csv").write_text("".join(rows))
"""
INFERENCE = """
    import json, pathlib
    def model_fn(directory):
        return json.loads(pathlib.Path(directory, "model.json").read_text())["factor"]
    def predict_fn(data, model):
        if (data[:, 0] == 13).any():
            raise ValueError("13 is unlucky")
        return data[:, 0] * model
"""
BROKEN_INFERENCE = """
    def model_fn(directory):
        raise RuntimeError("this model was never going to load")
"""
