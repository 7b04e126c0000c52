"""A batch inference forecasts the demand of an endpoint, and the endpoint has its instances before the demand comes."""

from __future__ import annotations

import inspect
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlp.endpoints import Endpoints
from mlp.target import at_endpoint
from mlplatform import (
    BatchInference,
    BlueGreen,
    Column,
    MlProject,
    RealtimeEndpoint,
    Scoring,
    SourceDirectory,
)
from mlscaling import ForecastFloor, PublishedForecast, Scaling
from tests.local.batch_inference.team_code import PREPARE
from tests.local.endpoints.deployed import Deployed
from tests.local.endpoints.floors import (
    PATIENCE_SECONDS,
    call_the_floor,
    happen_soon,
    instances,
    put_by_the_floor,
    wait_until,
)
from tests.local.workbench import Workbench

PIPELINE = "foretold-demand"
WANTED = PublishedForecast(pipeline=PIPELINE, interval_minutes=60, time="hour")
SCALING = Scaling(maximum=4, floor=ForecastFloor(requests_per_second=10, quantile=0.5, published=WANTED))


def test_what_a_batch_inference_publishes_raises_the_minimum_of_an_endpoint(fast: Workbench, tmp_path: Path) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    (jobs / "prepare.py").write_text(inspect.cleandoc(PREPARE) + "\n")

    def define(project: MlProject) -> None:
        RealtimeEndpoint(project, "Live", deployment=BlueGreen.all_at_once(bake_minutes=0), scaling=SCALING)
        BatchInference(
            project,
            "Demand",
            source=SourceDirectory(jobs),
            input_prefix="demand/",
            keys=[Column("hour", "timestamp")],
            predictions=[Column("requests", "double")],
            scoring=Scoring(json_lines=True),
        )

    deployed = Deployed(fast, tmp_path / "assemblies", "foretold")
    deployed.deploy(lambda project: None)
    deployed.register("one")
    deployed.deploy(define)
    endpoints = Endpoints(at_endpoint(fast.engine.endpoint_url))

    call_the_floor(fast, deployed)
    assert {one["ScalableTargetAction"]["MinCapacity"] for one in put_by_the_floor(fast)} == {1}
    wait_until(lambda: fallback_alarm(deployed) == "ALARM")

    forecast(deployed, requests_per_second=25)
    before = fallbacks(deployed)
    call_the_floor(fast, deployed)
    raised, expires = put_by_the_floor(fast)
    assert [one["ScalableTargetAction"]["MinCapacity"] for one in (raised, expires)] == [3, 1]
    assert fallbacks(deployed) == before
    happen_soon(fast, raised)
    wait_until(lambda: instances(endpoints, deployed) == 3)


def forecast(deployed: Deployed, *, requests_per_second: float) -> None:
    """Have the batch inference run, whose model doubles what the team's script prepares, until it has published."""
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    half = 3600 * requests_per_second / 2
    rows = "".join(f"{(first + timedelta(hours=hour)).isoformat()},{half}\n" for hour in range(6))
    s3 = deployed.workbench.engine.client("s3")
    s3.put_object(Bucket=bucket(deployed, "Data"), Key="demand/rows.csv", Body=rows.encode())
    event = {"starts": [{"scheduled_at": datetime.now(UTC).isoformat(), "because": "schedule"}]}
    controller = f"{PIPELINE}-controller"
    answer = deployed.workbench.engine.client("lambda").invoke(FunctionName=controller, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()
    found: dict[str, Any] = {"Bucket": bucket(deployed, "Output"), "Prefix": f"{PIPELINE}/latest.json"}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "Contents" not in s3.list_objects_v2(**found):
        assert time.monotonic() < deadline, "nothing was published"
        time.sleep(0.2)


def bucket(deployed: Deployed, kind: str) -> str:
    """Of the project."""
    resources = deployed.workbench.engine.client("cloudformation").describe_stack_resources(StackName=deployed.stack)
    (name,) = (
        str(found["PhysicalResourceId"])
        for found in resources["StackResources"]
        if found["LogicalResourceId"].startswith(f"Project{kind}") and found["ResourceType"] == "AWS::S3::Bucket"
    )
    return name


def fallback_alarm(deployed: Deployed) -> str:
    """Its state."""
    cloudwatch = deployed.workbench.engine.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[f"{deployed.endpoint}-main-floor/Fallback"])["MetricAlarms"]
    return str(alarm["StateValue"])


def fallbacks(deployed: Deployed) -> float:
    """In how many calls the quantile had to do."""
    now = datetime.now(UTC)
    found = deployed.workbench.engine.client("cloudwatch").get_metric_statistics(
        Namespace="MLPlatform/Scaling",
        MetricName="ForecastFallbacks",
        Dimensions=[{"Name": "Target", "Value": f"endpoint/{deployed.endpoint}/variant/main"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(one["Sum"] for one in found))
