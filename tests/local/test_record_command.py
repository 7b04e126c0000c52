"""`mlp record` about a training job that really ran, as far as events and pins say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

import mllocal
from mlp.main import app
from mlrecords.observations import Observation, facts_of, order_of, record_of, run_id_of
from mlrecords.pins import Clients, pinned
from mlrecords.pins.images import find_image
from mlrecords.record import Algorithm, Code, Data, Environment, Identity, Image, Machines, Status
from mlrecords.store import RecordStore
from tests.local.job_requests import TRAIN, training_request
from tests.local.workbench import IMAGE, ROLE, Workbench


def mlp(engine: mllocal.Engine, *words: str) -> tuple[int, str]:
    """Exit code, and what is on stdout."""
    result = CliRunner().invoke(app, ["record", *words, "--endpoint-url", engine.endpoint_url])
    return result.exit_code, result.stdout


@pytest.fixture
def clients(engine: mllocal.Engine, monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setenv("AWS_ENDPOINT_URL", engine.endpoint_url)
    session = boto3.Session(engine.account, "secret", region_name=engine.region)
    return Clients.of(session, usd_per_hour={"ml.m5.large": 0.115})


def event(request: dict[str, Any], job: dict[str, Any], state: str) -> Observation:
    """What an event of the job says."""
    code = json.loads(request["HyperParameters"]["sagemaker_submit_directory"])
    (channel,) = request["InputDataConfig"]
    over = state == "Completed"
    parts = {
        "identity": Identity(
            kind="training-job", name=job["TrainingJobName"], created_at=job["CreationTime"], created_by=ROLE
        ),
        "status": Status(
            state=state, started_at=job["TrainingStartTime"], ended_at=job["TrainingEndTime"] if over else None
        ),
        "environment": Environment(
            image=Image(uri=IMAGE), machines=Machines(instance_type="ml.m5.large", instance_count=1)
        ),
        "code": Code(archive_uri=code, entry_point=("train.py",)),
        "inputs": {"train": Data(uri=channel["DataSource"]["S3DataSource"]["S3Uri"])},
        "outputs": {"model": Data(uri=job["ModelArtifacts"]["S3ModelArtifacts"], role="model")} if over else {},
        "algorithm": Algorithm(hyperparameters={"seed": "7"}),
        "request": request,
    }
    return Observation(
        run_id=run_id_of(job["TrainingJobArn"]), source="event", order=order_of(int(over) + 1), facts=facts_of(parts)
    )


def observe(store: RecordStore, clients: Clients, one: Observation) -> None:
    """As the capture does."""
    document = store.observe([one]).record
    assert document is not None
    pin = pinned(record_of(document), store=store, clients=clients, now=datetime.now(UTC))
    assert pin is not None
    store.observe([pin])


def test_a_job_without_user_code_lacks_nothing_once_it_was_pinned(
    workbench: Workbench, store: RecordStore, clients: Clients
) -> None:
    request = training_request(workbench, "recorded", TRAIN, rate="0.1", label="x")
    arn = workbench.sagemaker.create_training_job(**request)["TrainingJobArn"]
    job = workbench.wait_for_job("training", "recorded")
    observe(store, clients, event(request, job, "InProgress"))
    observe(store, clients, event(request, job, "Completed"))

    code, text = mlp(workbench.engine, "check", arn)

    assert (code, text.splitlines()[0]) == (0, "training-job recorded (Completed) has all that is required")
    record = store.record(run_id_of(arn))
    assert record.pinned is not None
    assert record.pinned.state == "InProgress"
    assert record.inputs["train"].rows == 3
    assert record.outputs["model"].object_count == 1
    assert record.environment.packages["scikit-learn"] == "1.9.0"
    assert record.cost is not None
    assert record.cost.usd is not None


def test_a_probe_looks_into_the_very_image_of_a_run(workbench: Workbench, store: RecordStore, clients: Clients) -> None:
    image = find_image(clients, IMAGE)
    assert image is not None
    request = {"RoleArn": ROLE}
    facts = {
        "identity": {"kind": "processing-job", "name": "probed"},
        "status": {"state": "Completed"},
        "environment": {"image": {"uri": IMAGE, "digest": image.digest}},
        "request": request,
    }
    run = run_id_of("probed")
    store.observe([Observation(run_id=run, source="event", order=order_of(1), facts=facts)])

    code, text = mlp(workbench.engine, "probe", run, "--json")

    found = json.loads(text)
    assert code == 0
    assert found["digest"] == image.digest
    assert found["packages"]["scikit-learn"] == "1.9.0"
    assert store.environment(image.digest) == {name: found[name] for name in ("python", "packages")}


def test_a_run_that_lacks_something_is_an_exit_code(workbench: Workbench, store: RecordStore) -> None:
    facts = {"identity": {"kind": "training-job", "name": "bare"}, "status": {"state": "InProgress"}}
    store.observe([Observation(run_id="a" * 32, source="event", order=order_of(1), facts=facts)])

    code, text = mlp(workbench.engine, "check", "a" * 32, "--json")

    document = json.loads(text)
    assert code == 1
    assert document["share_of_required_fields"] < 0.5
    assert any("has no digest" in sentence for sentence in document["missing"])


@pytest.mark.parametrize(
    ("name", "code", "cause"),
    [
        ("b" * 32, 3, "has no record of"),
        ("group/three", 2, "is no run id, ARN or model version"),
        ("no-such-group", 3, "there is no model package group"),
    ],
)
def test_an_unknown_run_is_a_sentence(
    workbench: Workbench, store: RecordStore, name: str, code: int, cause: str
) -> None:
    found, text = mlp(workbench.engine, "check", name, "--json")

    assert found == code
    assert cause in json.loads(text)["error"]
