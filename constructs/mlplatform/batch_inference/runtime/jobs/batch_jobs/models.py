"""Loads whatever model a directory holds, and asks it for many rows at once.

In this order: the team's `inference.py`; an MLflow model; a scikit-learn model in a pickle; a LightGBM model; an XGBoost model.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pyarrow as pa

from batch_jobs.files import JobError

ARCHIVE = "model.tar.gz"
_HEAD_CHARACTERS = 4096

Predict = Callable[[Any], Any]
Loader = Callable[[Path], Optional[Predict]]


class Model:
    """A loaded model. `kind` says what it was loaded as."""

    def __init__(self, predict: Predict, kind: str) -> None:
        self._predict = predict
        self.kind = kind

    def predict(self, features: pa.Table, *, named: bool) -> Any:
        """The model's answer: to a DataFrame if the features have names of their own, otherwise to an array of float64."""
        return self._predict(features.to_pandas() if named else array_of(features))


def array_of(features: pa.Table) -> Any:
    """Rows of float64, with NaN where a value is missing; of objects if a column holds text."""
    columns = [column.to_numpy() for column in features.columns]
    if all(column.dtype.kind in "iufb" for column in columns):
        array = np.empty((features.num_rows, len(columns)), np.float64)
    else:
        array = np.empty((features.num_rows, len(columns)), object)
    for place, column in enumerate(columns):
        array[:, place] = column
    return array


def load_model(directory: Path, unpacked: Path) -> Model:
    """The model of a directory, or of the model.tar.gz in it, which is unpacked elsewhere. Raises `JobError`."""
    root = _unpacked(directory, unpacked)
    tried = []
    for kind, looked_for, loader in _LOADERS:
        try:
            predict = loader(root)
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            raise JobError(_why_not(kind, error, root)) from error
        if predict is not None:
            return Model(predict, kind)
        tried.append(looked_for)
    held = ", ".join(sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())[:10])
    raise JobError(
        f"ModelLoadFailed: the model's archive holds {held or 'nothing'}, but none of {'; '.join(tried)}; "
        "put code/inference.py with model_fn(model_dir) into it"
    )


def _why_not(kind: str, error: BaseException, root: Path) -> str:
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, ImportError):
        asks = list(root.rglob("requirements.txt"))
        listed = " that its requirements.txt asks for" if asks else ""
        return f"ModelLoadFailed: {kind} did not load: {said}; use an image that holds the packages{listed}, those it was trained with"
    return (
        f"ModelLoadFailed: {kind} did not load: {said}; load it in the same image, then correct the model or the image"
    )


def _unpacked(directory: Path, target: Path) -> Path:
    archive = directory / ARCHIVE if directory.is_dir() else directory
    if not archive.is_file():
        if directory.is_dir():
            return directory
        raise JobError(f"ModelLoadFailed: there is no model in {directory}; check the model version's data")
    target.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:*") as file:
            if hasattr(tarfile, "data_filter"):
                file.extractall(target, filter="data")
            else:  # Python before 3.9.17; the archive is of the project's own bucket
                file.extractall(target)  # noqa: S202
    except (tarfile.TarError, EOFError, OSError) as error:
        raise JobError(
            f"ModelLoadFailed: {archive.name} cannot be unpacked ({error}); register a model.tar.gz that is whole"
        ) from error
    return target


def _team_script(root: Path) -> Predict | None:
    script = next((path for path in (root / "code" / "inference.py", root / "inference.py") if path.is_file()), None)
    if script is None:
        return None
    sys.path.insert(0, str(script.parent))
    specification = importlib.util.spec_from_file_location("inference", script)
    if specification is None or specification.loader is None:
        raise ImportError(f"{script.name} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules["inference"] = module
    specification.loader.exec_module(module)
    if not hasattr(module, "model_fn"):
        raise AttributeError("inference.py has no model_fn(model_dir), which loads the model")
    model = module.model_fn(str(root))
    predict_fn = getattr(module, "predict_fn", None)
    if predict_fn is None:
        return _predict_of(model)
    return lambda rows: predict_fn(rows, model)


def _mlflow(root: Path) -> Predict | None:
    found = next((path.parent for path in (root / "MLmodel", root / "model" / "MLmodel") if path.is_file()), None)
    if found is None:
        return None
    loaded = importlib.import_module("mlflow.pyfunc").load_model(str(found))
    return lambda rows: loaded.predict(rows)


def _pickle(root: Path) -> Predict | None:
    files = _files(root, "*.joblib", "*.pkl", "*.pickle")
    if not files:
        return None
    return _predict_of(importlib.import_module("joblib").load(_only(files)))


def _lightgbm(root: Path) -> Predict | None:
    files = [path for path in _files(root, "*.txt") if _head(path).startswith("tree\n")]
    if not files:
        return None
    return _predict_of(importlib.import_module("lightgbm").Booster(model_file=str(_only(files))))


def _xgboost(root: Path) -> Predict | None:
    files = _files(root, "*.ubj", "xgboost-model") + [
        path for path in _files(root, "*.json") if '"learner"' in _head(path)
    ]
    if not files:
        return None
    booster = importlib.import_module("xgboost").Booster()
    booster.load_model(str(_only(files)))
    return _predict_of(booster)


_LOADERS: Sequence[tuple[str, str, Loader]] = (
    ("inference.py", "code/inference.py or inference.py", _team_script),
    ("the MLflow model", "MLmodel", _mlflow),
    ("the scikit-learn model", "*.joblib or *.pkl", _pickle),
    ("the LightGBM model", "*.txt of LightGBM", _lightgbm),
    ("the XGBoost model", "*.ubj, *.json or xgboost-model of XGBoost", _xgboost),
)


def _predict_of(model: Any) -> Predict:
    """What asks the model; a bare XGBoost booster wants a DMatrix."""
    if type(model).__module__.startswith("xgboost") and type(model).__name__ == "Booster":
        matrix = importlib.import_module("xgboost").DMatrix
        return lambda rows: model.predict(matrix(rows))
    if not hasattr(model, "predict"):
        raise AttributeError(f"a {type(model).__name__} has no predict; give inference.py with model_fn and predict_fn")
    names = tuple(getattr(model, "feature_names_in_", ()))

    def predict(rows: Any) -> Any:
        # A scikit-learn model that was fitted to named columns takes them in its own order only.
        ordered = bool(names) and hasattr(rows, "columns") and set(names) <= set(rows.columns)
        return model.predict(rows[[*names]] if ordered else rows)

    return predict


def _files(root: Path, *patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in root.glob(pattern))


def _only(files: Sequence[Path]) -> Path:
    if len(files) > 1:
        raise ValueError(
            f"there are {len(files)} models: {', '.join(path.name for path in files)}; keep one, or give inference.py"
        )
    return files[0]


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_HEAD_CHARACTERS).decode("utf-8", "replace")
