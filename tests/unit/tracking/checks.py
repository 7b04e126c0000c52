"""What the record of the residuals says, beside its numbers, and where else it shows."""

from __future__ import annotations

import json
import sys

from mlrecords.codec import from_json
from mlrecords.record import DataListing, RunRecord
from tests.unit.tracking.store import Checkout


def check_what_it_ran_as(residuals: Checkout, record: RunRecord, head: str) -> None:
    store = residuals.account.store
    assert (record.identity.kind, record.identity.project, record.status.state) == ("script", "used-cars", "Completed")
    assert record.identity.created_by
    assert record.pinned is not None
    assert record.pinned.state == "InProgress"
    code = record.code
    assert (code.commit, code.directory, code.entry_point, code.dirty) == (head, "work", ("train.py", "3"), True)
    assert code.diff is not None
    assert b"+# not committed" in store.blob(code.diff)
    environment = record.environment
    assert environment.python == ".".join(map(str, sys.version_info[:3]))
    assert environment.packages["botocore"] == "1.43.106"
    assert environment.variables["PYTHONHASHSEED"] == "0"
    assert "DB_PASSWORD" not in environment.variables


def check_data(residuals: Checkout, record: RunRecord) -> None:
    """Pinned by content, which is kept."""
    train, model = record.inputs["train"], record.outputs["model"]
    assert (train.uri, train.rows, dict(train.columns)) == (
        "file:work/data/train.csv",
        2,
        {"age": "int64", "price": "double"},
    )
    assert model.uri == "file:work/model.txt"
    store = residuals.account.store
    for data, content in ((train, b"age,price\n3,9000\n5,7000.5\n"), (model, b"AGE,PRICE\n3,9000\n5,7000.5\n")):
        assert data.listing is not None
        (item,) = from_json(DataListing, json.loads(store.blob(data.listing)), "listing").objects
        assert item.sha256 is not None
        assert store.blob(item.sha256) == content


def check_mlflow(residuals: Checkout, record: RunRecord) -> None:
    """It shows the run under the same id."""
    assert record.identity.mlflow_run_id == record.run_id
    shown = residuals.mlflow().get_run(record.run_id)
    assert shown.info.status == "FINISHED"
    assert shown.data.params == {"depth": "3", "loss": "squared", "seed": "7"}
    assert shown.data.metrics == {"rmse": 48.0, "r2": 0.5}
    assert residuals.mlflow().get_experiment(shown.info.experiment_id).name == "used-cars"
    assert [it.path for it in residuals.mlflow().list_artifacts(record.run_id)] == ["model"]
