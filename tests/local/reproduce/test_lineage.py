"""From a name to the jobs that have to run again, found in the store alone."""

from __future__ import annotations

from typing import Any

import pytest

from mlp.errors import CliError
from mlp.reproduce.lineage import jobs_behind, run_id_named
from mlrecords.observations import run_id_of
from mlrecords.record import Data, Identity, Parent, Status
from tests.local.reproduce.job_records import JobRecords
from tests.local.workbench import Workbench

ACCOUNT, REGION = "123456789012", "us-east-1"
ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
EXECUTION = f"{ARN}:pipeline/p/execution/new"


def by(relation: str, arn: str) -> dict[str, Parent]:
    return {run_id_of(arn): Parent(relation=relation, arn=arn)}


def observe(records: JobRecords, kind: str, name: str, state: str = "Completed", **more: Any) -> str:
    arn = f"{ARN}:{kind}/{name}"
    identity = Identity(kind=kind, name=name, arn=arn)
    return records.observe(arn, identity=identity, status=Status(state=state), request={"is": name}, **more)


@pytest.fixture
def records(workbench: Workbench) -> JobRecords:
    """An execution with a cached step, a job that failed before it was retried, and a tuning job of two training jobs."""
    records = JobRecords.create(workbench)
    older = f"{ARN}:pipeline/p/execution/older"
    records.observe(
        EXECUTION, identity=Identity(kind="pipeline-execution", name="new"), status=Status(state="Succeeded")
    )
    observe(records, "processing-job", "features", parents=by("execution", older))
    step = Identity(kind="pipeline-step", name="BuildFeatures")
    cached = {**by("execution", EXECUTION), **by("job", f"{ARN}:processing-job/features")}
    records.observe(f"{EXECUTION}/step/BuildFeatures", identity=step, status=Status(state="Succeeded"), parents=cached)
    observe(records, "processing-job", "validate-1", "Failed", parents=by("execution", EXECUTION))
    observe(records, "processing-job", "validate-2", parents=by("execution", EXECUTION))
    observe(records, "tuning-job", "tune", parents=by("execution", EXECUTION))
    for name in ("good", "bad"):
        model = {"model": Data(uri=f"s3://bucket/{name}/model.tar.gz", role="model")}
        observe(records, "training-job", name, parents=by("tuning", f"{ARN}:tuning-job/tune"), outputs=model)
    made = {"model": Data(uri="s3://bucket/good/model.tar.gz", role="model")}
    observe(records, "model-package", "group/3", parents=by("execution", EXECUTION), outputs=made)
    return records


def test_behind_a_model_are_the_jobs_of_its_execution_and_the_one_of_many_that_it_came_from(
    records: JobRecords,
) -> None:
    run_id = run_id_named("group/3", account=ACCOUNT, region=REGION)

    found = jobs_behind(records.store, records.children, records.store.record(run_id))

    assert {job.identity.name for job in found} == {"features", "validate-2", "good"}


def test_what_cannot_be_run_again_is_said_with_a_fix(records: JobRecords) -> None:
    tuning = records.store.record(run_id_of(f"{ARN}:tuning-job/tune"))
    with pytest.raises(CliError, match="a tuning-job cannot be run again by itself"):
        jobs_behind(records.store, records.children, tuning)
    with pytest.raises(CliError, match="'what' is neither a run nor a model version"):
        run_id_named("what", account=ACCOUNT, region=REGION)
