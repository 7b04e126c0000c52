"""The capture against a real MLflow server and a real S3 emulator; SageMaker's answers are botocore stubs."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from mlplatform.experiment_store.runtime.capture.events import record_of
from mlplatform.experiment_store.runtime.capture.handler import Claims, capture, handler
from mlplatform.experiment_store.runtime.capture.mlflow_api import Mlflow, MlflowError
from tests.unit.experiment_store.conftest import CLAIMS_BUCKET
from tests.unit.experiment_store.sagemaker_state_changes import (
    SAGEMAKER,
    Event,
    execution,
    model_package,
    processing,
    training,
)
from tests.unit.servers import ACCOUNT, REGION, client

APP_ARN = f"{SAGEMAKER}:mlflow-app/app-ABCDEF"
METRIC_TIME = datetime(2026, 11, 23, 3, 0, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Store:
    """The experiment store as the capture sees it, and as a reader does."""

    mlflow: Mlflow
    claims: Claims

    def capture(self, event: Event, *, project: str, metrics: tuple[dict[str, Any], ...] = ()) -> dict[str, str]:
        record = record_of(event)
        return capture(self.mlflow, self.claims, record, {**record.tags, "project": project}, metrics)

    def runs(self, project: str) -> list[dict[str, Any]]:
        found = self.mlflow.post(
            "runs/search", experiment_ids=[self.mlflow.experiment_id(project)], run_view_type="ACTIVE_ONLY"
        )
        return list(found.get("runs", []))

    def only_run(self, project: str) -> dict[str, Any]:
        (run,) = self.runs(project)
        return run


def tags_of(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", ACCOUNT),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", REGION),
    ):
        monkeypatch.setenv(name, value)


@pytest.fixture
def store(mlflow_endpoint: str, claims_s3: Any, credentials: None) -> Store:
    return Store(Mlflow(APP_ARN, mlflow_endpoint), Claims(claims_s3, CLAIMS_BUCKET))


@pytest.fixture
def sagemaker() -> Iterator[tuple[Any, Stubber]]:
    stubbed = client("sagemaker")
    with Stubber(stubbed) as stubber:
        yield stubbed, stubber
        stubber.assert_no_pending_responses()


def test_a_job_becomes_one_run_in_the_experiment_of_its_project(store: Store) -> None:
    metrics = ({"key": "validation:rmse", "value": 12.5, "timestamp": 1795402820000, "step": 0},)
    store.capture(training("InProgress", 1, name="one"), project="p-one")
    store.capture(training("Completed", 30, name="one"), project="p-one", metrics=metrics)
    run = store.only_run("p-one")
    assert run["info"]["run_name"] == "one"
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["start_time"] == 1795402800000
    assert run["info"]["end_time"] == 1795402830000
    assert {param["key"]: param["value"] for param in run["data"]["params"]} == {"max_iter": "200", "loss": "poisson"}
    assert [(metric["key"], metric["value"]) for metric in run["data"]["metrics"]] == [("validation:rmse", 12.5)]
    assert tags_of(run)["sagemaker.status"] == "Completed"


def test_duplicated_and_shuffled_events_end_as_the_ordered_ones_do(store: Store) -> None:
    seed = int(os.environ.get("CAPTURE_SEED", random.randrange(2**32)))
    print(f"seed {seed}; repeat with CAPTURE_SEED={seed}")
    chance = random.Random(seed)
    for number in range(3):
        name, project = f"job-{seed}-{number}", f"shuffled-{seed}-{number}"
        events = [
            *[training("InProgress", second, name=name, SecondaryStatus=str(second)) for second in (1, 2, 9)],
            training("Stopping", 20, name=name),
            training("Stopped", 30, name=name, FailureReason="stopped by hand"),
        ]
        deliveries = [*events, *chance.choices(events, k=4)]
        chance.shuffle(deliveries)
        for event in deliveries:
            store.capture(event, project=project)
        run = store.only_run(project)
        assert run["info"]["status"] == "KILLED"
        assert run["info"]["end_time"] == 1795402830000
        assert tags_of(run)["sagemaker.status"] == "Stopped"
        assert tags_of(run)["sagemaker.failure_reason"] == "stopped by hand"


def test_deliveries_at_the_same_moment_make_one_run(store: Store) -> None:
    store.mlflow.experiment_id("at-once")
    events = [processing("InProgress", 1, name="at-once"), processing("Completed", 2, name="at-once")] * 4
    threads = [threading.Thread(target=store.capture, args=(event,), kwargs={"project": "at-once"}) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.only_run("at-once")["info"]["status"] == "FINISHED"


def test_a_run_that_is_over_never_runs_again(store: Store) -> None:
    store.capture(processing("Completed", 10, name="over"), project="over")
    store.capture(processing("InProgress", 50, name="over"), project="over")
    run = store.only_run("over")
    assert run["info"]["status"] == "FINISHED"
    assert tags_of(run)["sagemaker.status"] == "Completed"


def test_a_retried_execution_ends_with_its_last_outcome(store: Store) -> None:
    for status, second in (("Executing", 1), ("Failed", 10), ("Executing", 20), ("Succeeded", 40)):
        store.capture(execution(status, second, execution_id="retried"), project="retried")
    store.capture(execution("Failed", 10, execution_id="retried"), project="retried")
    run = store.only_run("retried")
    assert run["info"]["status"] == "FINISHED"
    assert tags_of(run)["sagemaker.status"] == "Succeeded"


def test_an_approval_that_arrives_before_its_registration_stands(store: Store) -> None:
    store.capture(model_package("Approved", 30, version=9), project="approved")
    store.capture(model_package("PendingManualApproval", 10, version=9), project="approved")
    assert tags_of(store.only_run("approved"))["sagemaker.model_approval_status"] == "Approved"


def test_a_run_that_mlflow_has_without_a_claim_is_found_and_not_made_again(store: Store) -> None:
    """The function may stop between making a run and claiming it."""
    event = processing("InProgress", 1, name="unclaimed")
    experiment_id = store.mlflow.experiment_id("unclaimed")
    tag = {"key": "sagemaker.arn", "value": record_of(event).arn}
    made = store.mlflow.post("runs/create", experiment_id=experiment_id, start_time=1, tags=[tag])
    assert store.capture(event, project="unclaimed")["run_id"] == made["run"]["info"]["run_id"]
    assert len(store.runs("unclaimed")) == 1


def test_a_run_that_was_deleted_stays_deleted(store: Store) -> None:
    answer = store.capture(processing("InProgress", 1, name="deleted"), project="deleted")
    store.mlflow.post("runs/delete", run_id=answer["run_id"])
    again = store.capture(processing("Completed", 2, name="deleted"), project="deleted")
    assert again == {"run_id": answer["run_id"], "ignored": "the run was deleted in MLflow"}
    assert store.runs("deleted") == []


def test_more_params_than_one_request_takes_are_all_kept(store: Store) -> None:
    many = {f"p{number}": str(number) for number in range(250)}
    store.capture(training("Completed", 1, name="many", HyperParameters=many), project="many")
    assert len(store.only_run("many")["data"]["params"]) == 250


def test_the_handler_adds_final_metrics_and_the_tags_that_the_event_lacks(
    store: Store,
    mlflow_endpoint: str,
    claims_s3: Any,
    sagemaker: tuple[Any, Stubber],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stubbed, stubber = sagemaker
    monkeypatch.setattr("boto3.client", {"s3": claims_s3, "sagemaker": stubbed}.__getitem__)
    monkeypatch.setenv("MLFLOW_APP_ARN", APP_ARN)
    monkeypatch.setenv("CLAIMS_BUCKET", CLAIMS_BUCKET)
    monkeypatch.setenv("AWS_ENDPOINT_URL_MLFLOW", mlflow_endpoint)
    arn = f"{SAGEMAKER}:training-job/handled"
    stubber.add_response("list_tags", {"Tags": [{"Key": "project", "Value": "handled"}]}, {"ResourceArn": arn})
    stubber.add_response(
        "describe_training_job",
        {
            "TrainingJobName": "handled",
            "TrainingJobArn": arn,
            "ModelArtifacts": {"S3ModelArtifacts": "s3://artifacts/model.tar.gz"},
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "AlgorithmSpecification": {"TrainingInputMode": "File"},
            "ResourceConfig": {"VolumeSizeInGB": 30},
            "StoppingCondition": {},
            "CreationTime": METRIC_TIME,
            "FinalMetricDataList": [
                {"MetricName": "validation:rmse", "Value": 12.5, "Timestamp": METRIC_TIME},
                {"MetricName": "broken", "Value": float("nan"), "Timestamp": METRIC_TIME},
            ],
        },
        {"TrainingJobName": "handled"},
    )
    handler(training("Completed", 30, name="handled", Tags={}), None)
    (metric,) = store.only_run("handled")["data"]["metrics"]
    assert (metric["key"], metric["value"], metric["timestamp"]) == ("validation:rmse", 12.5, 1795402820000)


def test_requests_are_signed_for_the_app(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_what_mlflow_refuses_is_an_error_with_its_words(store: Store) -> None:
    with pytest.raises(
        MlflowError, match=r"MLflow answered runs/get with 404 RESOURCE_DOES_NOT_EXIST: Run with id=nope not found"
    ):
        store.mlflow.get("runs/get", run_id="nope")
