"""What a job logged to MLflow becomes part of its record: a real process, as a job has it, and a real MLflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlplatform.experiment_store.runtime.capture.mlflow_api import Mlflow
from mlplatform.experiment_store.runtime.capture.mlflow_runs import app_of, logged
from mlrecords.observations import Observation, facts_of, fold, order_of, record_of
from mlrecords.record import Algorithm, Environment, Identity, RunRecord, Status

APP = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-X"
JOB = f"{'0' * 31}1"
TRAIN = """
import mlflow
import numpy as np
from sklearn.linear_model import SGDRegressor

mlflow.sklearn.autolog(log_models=False, log_datasets=False)
rows = np.arange(20.0).reshape(-1, 1) / 20
with mlflow.start_run():
    SGDRegressor(random_state=5, alpha=0.01).fit(rows, rows[:, 0])
    for step in range(3):
        mlflow.log_metric("loss", 3 - step, step=step)
    mlflow.log_param("db_password", "hunter2")
    mlflow.log_text("hello", "report.txt")
    with mlflow.start_run(nested=True):
        mlflow.log_metric("loss", 99)
"""


def variables(execution: str, step: str = "Train") -> dict[str, str]:
    context = json.dumps({"mlplatform.execution": execution, "mlplatform.step": step})
    return {"MLFLOW_TRACKING_URI": APP, "MLFLOW_EXPERIMENT_NAME": "pricing", "MLFLOW_RUN_CONTEXT": context}


def job(execution: str, *, state: str = "Completed", started: datetime | None = None, **options: Any) -> RunRecord:
    now = datetime.now(UTC)
    return RunRecord(
        schema_version="1.0",
        run_id=JOB,
        observations=(),
        identity=Identity(kind="training-job", name="job", project="pricing"),
        status=Status(
            state=state,
            started_at=started or now - timedelta(minutes=5),
            ended_at=None if state == "InProgress" else (started or now) + timedelta(minutes=5),
        ),
        environment=Environment(variables=variables(execution, **options)),
        algorithm=Algorithm(hyperparameters={"alpha": "0.010"}),
    )


@pytest.fixture
def mlflow(mlflow_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Mlflow:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Mlflow(APP, mlflow_endpoint)


@pytest.fixture(scope="module")
def trained(mlflow_endpoint: str) -> str:
    """The execution of a job that logged by itself, in an environment as the engine gives it."""
    environment = {**variables("abcdefghijkl"), "MLFLOW_TRACKING_URI": mlflow_endpoint}
    subprocess.run([sys.executable, "-c", TRAIN], env={**os.environ, **environment}, check=True)
    return "abcdefghijkl"


def test_what_autologging_wrote_is_part_of_the_record_of_the_job(mlflow: Mlflow, trained: str) -> None:
    record = job(trained)
    before = facts_of({"identity": record.identity, "status": record.status, "algorithm": record.algorithm})
    seen = Observation(run_id=JOB, source="event", order=order_of(0), facts=before)

    document = fold(JOB, [seen, *logged(record, mlflow)])

    assert document is not None
    now = record_of(document)
    assert now.algorithm.hyperparameters["alpha"] == "0.010"  # As the job was told it.
    assert now.algorithm.hyperparameters["penalty"] == "l2"
    assert "hunter2" not in json.dumps(document)
    assert now.algorithm.seeds == {"random_state": "5"}
    assert now.metrics["loss"].value == 1.0
    assert now.metrics["loss"].steps == {"0": 3.0, "1": 2.0, "2": 1.0}
    assert "training_r2_score" in now.metrics
    assert now.outputs["mlflow/report.txt"].uri.endswith("/report.txt")


def test_asked_again_it_is_the_same(mlflow: Mlflow, trained: str) -> None:
    first, again = (logged(job(trained), mlflow) for _ in range(2))

    assert first
    assert [one.digest for one in first] == [one.digest for one in again]


def test_runs_of_another_job_are_not_its_own(mlflow: Mlflow, trained: str) -> None:
    earlier = datetime.now(UTC) - timedelta(hours=2)

    assert logged(job("another"), mlflow) == ()
    assert logged(job(trained, step="Evaluate"), mlflow) == ()
    assert logged(job(trained, started=earlier), mlflow) == ()  # An attempt of the step that failed before.


def test_a_job_that_goes_on_is_looked_at_when_it_is_over(mlflow: Mlflow, trained: str) -> None:
    assert logged(job(trained, state="InProgress"), mlflow) == ()


def test_without_an_experiment_there_is_nothing(mlflow: Mlflow) -> None:
    record = job("x")
    other = {**record.environment.variables, "MLFLOW_EXPERIMENT_NAME": "never-made"}
    assert logged(_with(record, other), mlflow) == ()


def test_which_app_a_job_logs_to_is_in_its_variables() -> None:
    assert app_of(job("x")) == APP
    assert app_of(_with(job("x"), {})) is None
    assert app_of(_with(job("x"), {**variables("x"), "MLFLOW_TRACKING_URI": "https://mlflow.example.com"})) is None


def _with(record: RunRecord, found: dict[str, str]) -> RunRecord:
    return replace(record, environment=Environment(variables=found))
