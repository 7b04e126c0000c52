"""Every kind of model that a registry may hold, and every way in which one may not load."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pytest
from batch_jobs.files import JobError
from batch_jobs.models import Model, load_model
from sklearn.linear_model import LinearRegression

FEATURES = pa.table({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 0.0]})


@pytest.fixture(autouse=True)
def forget_inference() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("inference", None)


def load(directory: Path) -> Model:
    return load_model(directory, directory.parent / "unpacked")


def refused(directory: Path) -> str:
    with pytest.raises(JobError) as caught:
        load(directory)
    return str(caught.value)


def fitted() -> Any:
    return LinearRegression().fit(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), [3.0, 5.0, 2.0])


def put(directory: Path, name: str, content: str | bytes) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


def test_a_team_s_script_comes_first_and_finds_the_modules_beside_it(tmp_path: Path) -> None:
    """Even when one has the name of a module of ours."""
    directory = put(tmp_path / "model", "code/inference.py", "import profiles\nmodel_fn = profiles.model_fn\n")
    put(
        directory,
        "code/profiles.py",
        "def model_fn(d): return M()\nclass M:\n    def predict(self, rows): return rows[:, 0] * 2\n",
    )
    joblib.dump(fitted(), directory / "model.joblib")
    model = load(directory)
    sys.modules.pop("profiles", None)
    assert model.kind == "inference.py"
    assert list(model.predict(FEATURES, named=False)) == [2, 4, 6]


def test_a_script_at_the_top_of_the_archive_is_found(tmp_path: Path) -> None:
    directory = put(
        tmp_path / "model", "inference.py", "def model_fn(d): return 2\ndef predict_fn(x, m): return x[:, 0] + m\n"
    )
    assert list(load(directory).predict(FEATURES, named=False)) == [3, 4, 5]


@pytest.mark.parametrize("name", ["model.joblib", "model.pkl"])
def test_a_scikit_learn_model_needs_no_script(tmp_path: Path, name: str) -> None:
    (tmp_path / "model").mkdir()
    joblib.dump(fitted(), tmp_path / "model" / name)
    expected = fitted().predict(np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]))
    assert load(tmp_path / "model").predict(FEATURES, named=False) == pytest.approx(expected)


def test_a_model_of_named_features_gets_them_in_its_own_order(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    frame = FEATURES.to_pandas()
    trained = LinearRegression().fit(frame[["b", "a"]], [1.0, 2.0, 3.0])
    joblib.dump(trained, tmp_path / "model/model.joblib")
    assert load(tmp_path / "model").predict(FEATURES, named=True) == pytest.approx(trained.predict(frame[["b", "a"]]))


def test_an_archive_is_unpacked(tmp_path: Path) -> None:
    content = io.BytesIO()
    joblib.dump(fitted(), content)
    (tmp_path / "model").mkdir()
    with tarfile.open(tmp_path / "model/model.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("model.joblib")
        entry.size = content.tell()
        content.seek(0)
        archive.addfile(entry, content)
    assert load(tmp_path / "model").kind == "the scikit-learn model"


def test_an_mlflow_model_gets_a_dataframe(tmp_path: Path) -> None:
    import mlflow.sklearn

    mlflow.sklearn.save_model(fitted(), str(tmp_path / "model"), serialization_format="cloudpickle")
    model = load(tmp_path / "model")
    assert model.kind == "the MLflow model"
    assert len(model.predict(FEATURES, named=True)) == 3


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"readme.md": "x"}, "ModelLoadFailed: the model's archive holds readme.md, but none of code/inference.py or "),
        ({"code/inference.py": "def predict_fn(x, m): pass"}, "ModelLoadFailed: inference.py did not load: AttributeError: "),
        ({"code/inference.py": "1 / 0"}, "ModelLoadFailed: inference.py did not load: ZeroDivisionError: division by zero; load it"),
        ({"code/inference.py": "raise SystemExit('no licence')"}, "ModelLoadFailed: inference.py did not load: SystemExit: no licence"),
        (
            {"code/inference.py": "import no_such_package", "code/requirements.txt": "x"},
            "ModelLoadFailed: inference.py did not load: ModuleNotFoundError: No module named 'no_such_package'; use an image that "
            "holds the packages that its requirements.txt asks for",
        ),
        ({"model.joblib": "no pickle"}, "ModelLoadFailed: the scikit-learn model did not load: "),
        ({"a.joblib": "x", "b.pkl": "x"}, "ModelLoadFailed: the scikit-learn model did not load: ValueError: there are 2 models: "),
        ({"model.tar.gz": "no archive"}, "ModelLoadFailed: model.tar.gz cannot be unpacked"),
        ({"model.txt": "tree\nversion=v4"}, "ModelLoadFailed: the LightGBM model did not load: "),
        ({"model.json": json.dumps({"learner": {}})}, "ModelLoadFailed: the XGBoost model did not load: "),
    ],
)  # fmt: skip
def test_a_model_that_does_not_load_says_why_and_what_to_do(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, content in files.items():
        put(tmp_path / "model", name, content)
    assert refused(tmp_path / "model").startswith(said)


def test_a_pickle_that_cannot_predict_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    joblib.dump({"trees": 1}, tmp_path / "model/model.joblib")
    assert "a dict has no predict; give inference.py" in refused(tmp_path / "model")


def test_no_model_at_all_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "model").startswith("ModelLoadFailed: there is no model in")
