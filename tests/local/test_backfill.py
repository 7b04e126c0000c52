"""`mlp backfill` against the embedded AWS, with a controller that publishes each run at once, but for those that it is to fail."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from mlp.main import app
from mlpipelines import FailStep, Parameter
from tests.local.workbench import ROLE, Workbench

PIPELINE = "demo-daily"
CONTROLLER = """
import json, os, boto3
RUNS = json.loads(os.environ["RUNS"])
s3 = boto3.client("s3")

def put(uri, document):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document))

def handler(event, context):
    answers, recent = {}, []
    for start in event["starts"]:
        run_id = start["scheduled_at"][:19].replace(":", "") + "Z"
        failed = "-04T" in run_id and not start["again"]
        recent.append({"run_id": run_id, "status": "failed" if failed else "published", "reason": "out of luck"})
        answers[run_id] = "started"
        if not failed:
            day = run_id[:10]
            uri = RUNS["root_uri"].rsplit("/", 1)[0] + f"/input/{day}/"
            put(RUNS["root_uri"] + f"/manifests/{run_id}.json", {"input": {"uri": uri, "objects": []}, "asked": start})
    put(RUNS["state_uri"], {"active": {}, "queue": [], "recent": recent, "backfill_parallel": event["parallel"]})
    return {"runs": answers}
"""


@pytest.fixture
def pipeline(workbench: Workbench) -> Workbench:
    """A pipeline with a schedule and a controller, as `BatchInference` names them."""
    by_day = Parameter(name="InputUri", default=workbench.uri("input/%Y-%m-%d/"))
    workbench.create_pipeline(FailStep(name="Stop", message="m"), parameters=(by_day,), name=PIPELINE)
    scheduler = workbench.engine.client("scheduler")
    scheduler.create_schedule_group(Name=PIPELINE)
    scheduler.create_schedule(
        GroupName=PIPELINE,
        Name=PIPELINE,
        ScheduleExpression="cron(0 6 * * ? *)",
        State="DISABLED",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sqs:us-east-1:123456789012:none", "RoleArn": ROLE},
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("controller.py", CONTROLLER)
    settings = {"root_uri": workbench.uri("output"), "state_uri": workbench.uri("state.json")}
    workbench.engine.client("lambda").create_function(
        FunctionName=f"{PIPELINE}-controller",
        Runtime="python3.13",
        Role=ROLE,
        Handler="controller.handler",
        Code={"ZipFile": buffer.getvalue()},
        Environment={"Variables": {"RUNS": json.dumps(settings)}},
    )
    return workbench


def backfill(workbench: Workbench, *options: str, exit_code: int = 0) -> dict[str, Any]:
    words = ["backfill", PIPELINE, "--from", "2026-01-02", "--to", "2026-01-05", "--json", *options]
    done = CliRunner().invoke(app, [*words, "--endpoint-url", workbench.engine.endpoint_url])
    assert done.exit_code == exit_code, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def statuses(document: dict[str, Any]) -> list[str]:
    return [moment["status"] for moment in document["moments"]]


def test_a_backfill_runs_what_is_missing_and_what_has_changed_and_leaves_the_rest_alone(pipeline: Workbench) -> None:
    assert datetime.now(UTC).year > 2025
    assert statuses(backfill(pipeline, "--dry-run")) == ["missing"] * 4
    assert "say --yes" in backfill(pipeline, exit_code=2)["fix"]

    first = backfill(pipeline, "--yes", "--parallel", "3", exit_code=1)
    assert statuses(first) == ["published", "published", "failed", "published"]
    assert first["moments"][2]["note"] == "out of luck"
    assert json.loads(pipeline.get("state.json"))["backfill_parallel"] == 3

    pipeline.put("input/2026-01-03/late.csv", "1")
    assert statuses(backfill(pipeline, "--dry-run", "--missing")) == ["published", "published", "failed", "published"]
    looked = backfill(pipeline, "--dry-run")
    assert statuses(looked) == ["published", "changed", "failed", "published"]
    assert looked["moments"][1]["note"] == "input: 1 new"
    assert looked["started"] == ["2026-01-03T060000Z", "2026-01-04T060000Z"]

    backfill(pipeline, "--yes", exit_code=1)
    asked = json.loads(pipeline.get("output/manifests/2026-01-03T060000Z.json"))["asked"]
    assert asked == {"scheduled_at": "2026-01-03T06:00:00+00:00", "because": "backfill", "again": True}
    untouched = json.loads(pipeline.get("output/manifests/2026-01-02T060000Z.json"))["asked"]
    assert untouched["again"] is False


def test_a_pipeline_without_a_controller_is_told_apart(workbench: Workbench) -> None:
    name = workbench.create_pipeline(FailStep(name="Stop", message="m"))
    words = ["backfill", name, "--from", "2026-01-02", "--to", "2026-01-05", "--json"]
    done = CliRunner().invoke(app, [*words, "--endpoint-url", workbench.engine.endpoint_url])
    assert done.exit_code == 3
    assert "has no schedule" in json.loads(done.stdout)["error"]
