"""A model's inference script: its functions, and the toolkit's own for those it leaves out."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from . import content
from .places import ML

Answer = tuple[bytes, str]


def code_directory() -> Path:
    """Where the inference script is. The SDK sets an S3 address here when it repacked the code into the model itself."""
    given = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    return ML / "model" / "code" if given.startswith("s3://") or not given else Path(given)


def load_script() -> ModuleType:
    """`SAGEMAKER_PROGRAM` from the code directory. Raises `SystemExit` with the fix when it is not there."""
    directory = code_directory()
    path = directory / os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    if not path.is_file():
        raise SystemExit(f"inference script {path} is not there; put it into the model's code directory")
    sys.path.insert(0, str(directory))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise SystemExit(f"inference script {path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module


class Handlers:
    """What a script answers requests with: `transform_fn`, or `input_fn`, `predict_fn` and `output_fn`."""

    def __init__(self, script: ModuleType, model_directory: Path) -> None:
        if not hasattr(script, "model_fn"):
            raise SystemExit(f"{script.__file__} has no model_fn(model_dir), which loads the model")
        parts = [name for name in ("input_fn", "predict_fn", "output_fn") if hasattr(script, name)]
        self._transform: Callable[..., Any] | None = getattr(script, "transform_fn", None)
        if self._transform is not None and parts:
            raise SystemExit(
                f"{script.__file__} has transform_fn and {', '.join(parts)}; keep transform_fn or the others"
            )
        self._input: Callable[[Any, str], Any] = getattr(script, "input_fn", content.read)
        self._predict: Callable[[Any, Any], Any] = getattr(script, "predict_fn", predict)
        self._output: Callable[[Any, str], Any] = getattr(script, "output_fn", content.write)
        self._model = script.model_fn(str(model_directory))

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """One request: body in, body and content type out."""
        given = content.as_given(body, content_type)
        if self._transform is not None:
            result = self._transform(self._model, given, content_type, accept)
        else:
            result = self._output(self._predict(self._input(given, content_type), self._model), accept)
        answered, answered_type = result if isinstance(result, tuple) else (result, accept)
        return (answered.encode() if isinstance(answered, str) else bytes(answered)), answered_type


def predict(data: Any, model: Any) -> Any:
    """The default predict_fn: `model.predict`; a bare XGBoost booster gets a DMatrix."""
    if type(model).__module__.startswith("xgboost") and type(model).__name__ == "Booster":
        return model.predict(importlib.import_module("xgboost").DMatrix(data))
    return model.predict(data)
