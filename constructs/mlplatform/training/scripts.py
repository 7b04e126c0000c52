"""The scripts of a team's source directory that a training pipeline runs."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True, kw_only=True)
class TrainingScripts:
    """Which file does what; the names when not given.

    `validate` is called with `--input` and `--output`, and exits non-zero on bad data. `features` is called with `--input`,
    `--output-train` and `--output-test`, and splits by time. `train` is run in SageMaker's script mode; it saves the model,
    and the code that serves it under `code/`, in `SM_MODEL_DIR`. `evaluate` is called with `--model`, `--test` and `--output`
    and writes `evaluation.json`: for the new model, then for the one in production. `serve` is the script under `code/` in the
    model that serves it. A `requirements.txt` beside them is installed before `train` and `serve` run.
    """

    validate: str = "validate.py"
    features: str = "features.py"
    train: str = "train.py"
    evaluate: str = "evaluate.py"
    serve: str = "inference.py"

    @property
    def files(self) -> tuple[str, ...]:
        """Those that must be in the source directory; `serve` is put into the model by `train`."""
        return astuple(self)[:-1]
