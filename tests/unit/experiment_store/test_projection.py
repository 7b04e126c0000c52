"""The projection against a real MLflow server and a real S3 emulator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from mlplatform.experiment_store.runtime.capture.events import observations_of
from mlplatform.experiment_store.runtime.capture.mlflow_api import Mlflow, MlflowError
from mlplatform.experiment_store.runtime.capture.mlflow_run import mlflow_run_of, safe_key
from mlplatform.experiment_store.runtime.capture.projection import Projection
from mlrecords.observations import Observation, order_of, run_id_of
from mlrecords.store import RecordStore
from tests.unit.experiment_store.sagemaker_state_changes import (
    EXECUTION_ARN,
    SAGEMAKER,
    Event,
    execution,
    model_package,
    processing,
    step,
    training,
)

APP_ARN = f"{SAGEMAKER}:mlflow-app/app-ABCDEF"
METRIC = [{"MetricName": "validation:rmse", "Value": 12.5}]


@dataclass(frozen=True)
class Shown:
    """Records, what MLflow shows of them, and what the capture was told."""

    projection: Projection
    told: list[Observation] = field(default_factory=list)

    def observe(self, *events: Event) -> str:
        """Write records of events as the capture does; the run of the last."""
        run_id = ""
        for event in events:
            for observation in reversed(observations_of(event)):
                run_id = self.projection.store.observe([observation]).run_id
        return run_id

    def show(self, *events: Event) -> dict[str, Any]:
        """Observe and show; MLflow's run."""
        shown_as = self.projection.show(self.observe(*events))
        assert shown_as is not None
        return self.run(shown_as)

    def run(self, mlflow_run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self.projection.mlflow.get("runs/get", run_id=mlflow_run_id)["run"]
        return run

    def runs(self, project: str) -> list[dict[str, Any]]:
        mlflow = self.projection.mlflow
        found = mlflow.post("runs/search", experiment_ids=[mlflow.experiment_id(project)], run_view_type="ACTIVE_ONLY")
        return list(found.get("runs", []))

    def tell(self) -> None:
        """Have the capture observe what it was told."""
        for observation in self.told:
            self.projection.store.observe([observation])


@pytest.fixture
def shown(mlflow_endpoint: str, store: RecordStore) -> Shown:
    told: list[Observation] = []
    client_of = partial(Mlflow, endpoint=mlflow_endpoint)
    return Shown(Projection(store, client_of(APP_ARN), told.append, client_of), told)


def of(project: str) -> dict[str, Any]:
    return {"Tags": {"project": project}}


def tags_of(run: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


def test_a_record_becomes_one_run_in_the_experiment_of_its_project(shown: Shown) -> None:
    shown.show(training("InProgress", 1, name="one", **of("p-one")))
    run = shown.show(
        training(
            "Completed", 30, name="one", FinalMetricDataList=METRIC, TrainingEndTime="1795402830000", **of("p-one")
        )
    )
    assert len(shown.runs("p-one")) == 1
    assert run["info"]["run_name"] == "one"
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["start_time"] == 1795402800000
    assert run["info"]["end_time"] == 1795402830000
    assert {param["key"]: param["value"] for param in run["data"]["params"]} == {"max_iter": "200", "loss": "poisson"}
    assert [(metric["key"], metric["value"]) for metric in run["data"]["metrics"]] == [("validation:rmse", 12.5)]
    assert (
        tags_of(run).items()
        >= {
            "project": "p-one",
            "sagemaker.arn": f"{SAGEMAKER}:training-job/one",
            "sagemaker.image": "registry/sklearn:1.9",
            "sagemaker.input.train": "s3://artifacts/features/train",
            "sagemaker.instance_count": "1",
            "sagemaker.kind": "training-job",
            "sagemaker.output.model": "s3://artifacts/model",
            "sagemaker.program": "train.py",
            "sagemaker.status": "Completed",
        }.items()
    )


def test_a_run_says_what_the_record_says_now_whatever_it_said_before(shown: Shown) -> None:
    """A retried execution runs again after it has failed."""
    for status, second, seen in (("Executing", 1, "RUNNING"), ("Failed", 10, "FAILED"), ("Executing", 20, "RUNNING")):
        assert shown.show(execution(status, second, execution_id="retried"))["info"]["status"] == seen
    run = shown.show(execution("Succeeded", 40, execution_id="retried"))
    assert run["info"]["status"] == "FINISHED"
    assert tags_of(run)["sagemaker.status"] == "Succeeded"


def test_the_record_is_told_which_run_shows_it_and_it_stays_that_one(shown: Shown) -> None:
    run = shown.show(processing("InProgress", 1, name="told", Tags={}))
    shown.tell()
    record = shown.projection.store.record(run_id_of(f"{SAGEMAKER}:processing-job/told"))
    assert record.identity.mlflow_run_id == run["info"]["run_id"]
    again = shown.show(processing("Completed", 9, name="told", **of("late-project")))
    assert again["info"]["run_id"] == run["info"]["run_id"]
    assert len(shown.told) == 1


def test_a_run_that_was_made_before_the_function_was_killed_is_found(shown: Shown) -> None:
    run_id = shown.observe(processing("InProgress", 1, name="killed", **of("killed")))
    made = shown.projection.mlflow.post(
        "runs/create",
        experiment_id=shown.projection.mlflow.experiment_id("killed"),
        start_time=1,
        tags=[{"key": "mlplatform.run_id", "value": run_id}],
    )
    assert shown.projection.show(run_id) == made["run"]["info"]["run_id"]
    assert len(shown.runs("killed")) == 1


def test_a_run_that_was_deleted_in_mlflow_stays_deleted(shown: Shown) -> None:
    run = shown.show(processing("InProgress", 1, name="deleted", **of("deleted")))
    shown.projection.mlflow.post("runs/delete", run_id=run["info"]["run_id"])
    assert shown.projection.show(shown.observe(processing("Completed", 2, name="deleted", **of("deleted")))) is None
    assert shown.runs("deleted") == []


def test_the_run_that_a_script_logs_to_is_the_one_that_shows_its_record(shown: Shown) -> None:
    mlflow = shown.projection.mlflow
    own = mlflow.post("runs/create", experiment_id=mlflow.experiment_id("scripts"), start_time=1)["run"]["info"][
        "run_id"
    ]
    facts = {
        "identity": {"kind": "script", "name": "train.py", "project": "scripts", "mlflow_run_id": own},
        "status": {"state": "Completed"},
        "code": {"commit": "abc"},
    }
    shown.projection.store.observe([Observation(run_id=own, source="track", order=order_of(1), facts=facts)])
    assert shown.projection.show(own) == own
    assert tags_of(shown.run(own))["mlflow.source.git.commit"] == "abc"


def test_jobs_are_shown_under_their_execution_and_steps_by_their_jobs(shown: Shown) -> None:
    of_execution = shown.show(execution("Executing", 1))
    shown.tell()
    run = shown.show(training("InProgress", 2, name="child"))
    assert tags_of(run)["mlflow.parentRunId"] == of_execution["info"]["run_id"]
    assert tags_of(run)["sagemaker.pipeline_execution_arn"] == EXECUTION_ARN
    assert shown.projection.show(shown.observe(step("Executing", 2))) is None


def test_a_batch_shows_each_run_once_and_names_all_messages_of_one_that_fails(shown: Shown) -> None:
    good = shown.observe(model_package("Approved", 3, version=8))
    messages = [
        {"messageId": f"{number}", "body": f'{{"run_id": "{run_id}"}}'}
        for number, run_id in enumerate([good, "missing", good, "missing"])
    ]
    failed = shown.projection.batch(messages)["batchItemFailures"]
    assert failed == [{"itemIdentifier": "1"}, {"itemIdentifier": "3"}]


def test_steps_of_a_metric_that_are_there_are_not_logged_again(shown: Shown) -> None:
    run_id = shown.observe(training("InProgress", 1, name="steps", **of("steps")))
    for last in (2, 150):
        steps = {str(number): 1.0 / (number + 1) for number in range(last + 1)}
        facts = {"metrics": {"loss": {"value": steps[str(last)], "steps": steps}}}
        shown.projection.store.observe([Observation(run_id=run_id, source="mlflow", order=order_of(last), facts=facts)])
        shown_as = shown.projection.show(run_id)
    history = shown.projection.mlflow.get(
        "metrics/get-history", run_id=str(shown_as), metric_key="loss", max_results="1000"
    )["metrics"]
    assert [int(metric["step"]) for metric in history] == list(range(151))


def test_more_params_than_one_request_takes_are_all_kept(shown: Shown) -> None:
    many = {f"p{number}": str(number) for number in range(250)}
    run = shown.show(training("Completed", 1, name="many", HyperParameters=many, **of("many")))
    assert len(run["data"]["params"]) == 250


def test_what_is_too_long_for_mlflow_is_cut(shown: Shown) -> None:
    run_id = shown.observe(training("Failed", 1, FailureReason="x" * 9000))
    run = mlflow_run_of(shown.projection.store.record(run_id), seen_ms=1)
    assert run.tags["sagemaker.failure_reason"] == "x" * 5000
    assert safe_key("a{b}" + "c" * 300) == "a_b_" + "c" * 246


def test_requests_are_signed_for_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, dict[str, str]]] = []

    class Sent(Exception):  # noqa: N818 - not an error
        pass

    def request(method: str, url: str, **options: Any) -> None:
        sent.append((url, options["headers"]))
        raise Sent

    app = Mlflow(APP_ARN)
    monkeypatch.setattr(app._http, "request", request)
    with pytest.raises(Sent):
        app.get("runs/get", run_id="a b")
    ((url, headers),) = sent
    assert url == "https://mlflow.sagemaker.us-east-1.app.aws/api/2.0/mlflow/runs/get?run_id=a%20b"
    assert headers["x-sm-mlflow-app-arn"] == APP_ARN
    assert "/us-east-1/sagemaker/aws4_request" in headers["Authorization"]
    assert "x-sm-mlflow-app-arn" in headers["Authorization"]


def test_what_mlflow_refuses_is_an_error_with_its_words(shown: Shown) -> None:
    with pytest.raises(
        MlflowError, match=r"MLflow answered runs/get with 404 RESOURCE_DOES_NOT_EXIST: Run with id=nope not found"
    ):
        shown.projection.mlflow.get("runs/get", run_id="nope")


def test_an_imported_record_that_names_a_run_of_another_mlflow_is_shown_once(shown: Shown) -> None:
    elsewhere = Observation(
        run_id=run_id_of(f"{SAGEMAKER}:training-job/imported"),
        source="mlflow",
        order=order_of(1),
        facts={"identity": {"mlflow_run_id": "f" * 32}},
        is_pin=True,
    )
    shown.observe(training("Completed", 30, name="imported", **of("p-imported")))
    shown.projection.store.observe([elsewhere])
    first = shown.projection.show(elsewhere.run_id)
    assert first == shown.projection.show(elsewhere.run_id)
    assert [run["info"]["run_id"] for run in shown.runs("p-imported")] == [first]
    assert shown.told == []


def test_what_a_job_logged_by_itself_is_told_once(shown: Shown) -> None:
    context = {"mlplatform.execution": "p4jn9xou8a8s", "mlplatform.step": "Train"}
    variables = {
        "MLFLOW_TRACKING_URI": f"{SAGEMAKER}:mlflow-app/app-DEMO",
        "MLFLOW_EXPERIMENT_NAME": "logged-by-jobs",
        "MLFLOW_RUN_CONTEXT": json.dumps(context),
    }
    mlflow = shown.projection.mlflow
    started = 1795402801000
    made = mlflow.post(
        "runs/create",
        experiment_id=mlflow.experiment_id("logged-by-jobs"),
        start_time=started,
        tags=[{"key": key, "value": value} for key, value in context.items()],
    )["run"]["info"]["run_id"]
    mlflow.log(made, metrics=[{"key": "loss", "value": 0.25, "timestamp": started, "step": 3}], params={}, tags={})
    job: dict[str, Any] = {
        "name": "logging",
        "Environment": variables,
        "TrainingStartTime": started,
        "TrainingEndTime": started + 1000,
    }
    run_id = shown.observe(training("InProgress", 1, **job), training("Completed", 2, **job))

    for _ in range(2):
        shown.projection.show(run_id)
        shown.tell()

    assert [one.source for one in shown.told].count("mlflow") == 2  # Its run in MLflow, and what it logged.
    record = shown.projection.store.record(run_id)
    assert record.metrics["loss"].value == 0.25
    assert record.tags["mlflow.run_id"] == made
