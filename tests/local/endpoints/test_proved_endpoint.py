"""The way of an endpoint that scales: served, load-tested, proved at synthesis, deployed, and scaled by load and by its forecast."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from mlp.endpoints import Endpoints
from mlp.loadtest.endpoint import EndpointUnderTest
from mlp.loadtest.generator import OpenLoop
from mlp.loadtest.steps import Goal
from mlp.main import app
from mlp.target import at_endpoint
from mlplatform import BlueGreen, RealtimeEndpoint, ScalingProof
from mlscaling import ForecastFloor, Scaling, TargetTracking
from tests.local.endpoints.deployed import Deployed
from tests.local.endpoints.floors import call_the_floor, happen_soon, instances, put_by_the_floor, wait_until
from tests.local.workbench import Workbench

PATIENCE_SECONDS = 120
AT_ONCE = BlueGreen.all_at_once(bake_minutes=0)
MOST = 4


def test_an_endpoint_is_load_tested_proved_and_scales(fast: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(fast, tmp_path / "assemblies", "proved")
    deployed.deploy(lambda project: None)
    deployed.register("one")
    deployed.deploy(lambda project: RealtimeEndpoint(project, "Live", deployment=AT_ONCE))
    load_test = tmp_path / "load-test.json"
    knee = load_tested(deployed, load_test)

    scaling = Scaling(
        maximum=MOST,
        target=TargetTracking(target=0.5 * 60 * knee),
        floor=ForecastFloor(requests_per_second=knee, quantile=0.5),
    )
    proof = ScalingProof(demand=demand(tmp_path, knee), load_test=load_test)
    deployed.deploy(lambda project: RealtimeEndpoint(project, "Live", deployment=AT_ONCE, scaling=scaling, proof=proof))
    assert deployed.answers() == "one"

    endpoints = Endpoints(at_endpoint(fast.engine.endpoint_url))
    load_until(deployed, 0.8 * knee, lambda: instances(endpoints, deployed) >= 2)
    load_until(deployed, 0.2 * knee, lambda: instances(endpoints, deployed) == 1)
    shrunk, *_, grown = (one.cause for one in endpoints.activities(deployed.endpoint))
    assert "AlarmHigh" in grown
    assert "AlarmLow" in shrunk

    listed, shown = mlp(deployed, "list")["endpoints"], mlp(deployed, "show", deployed.endpoint)
    answer = mlp(deployed, "invoke", deployed.endpoint, "--payload", str(tmp_path / "row.csv"))
    (variant,) = shown["variants"]
    assert listed == [{name: value for name, value in shown.items() if name != "activities"}]
    assert (variant["minimum"], variant["maximum"], variant["policies"]) == (1, MOST, ["target-tracking"])
    assert shown["activities"][-1]["cause"] == grown
    assert json.loads(answer["body"])["label"] == "one"

    count_invocations(deployed, 2.5 * knee)
    call_the_floor(fast, deployed)
    raised, expires = put_by_the_floor(fast)
    assert raised["ScalableTargetAction"]["MinCapacity"] == 3
    assert expires["ScalableTargetAction"]["MinCapacity"] == 1
    happen_soon(fast, raised)
    wait_until(lambda: instances(endpoints, deployed) == 3)
    happen_soon(fast, expires)
    wait_until(lambda: endpoints.row(deployed.endpoint).variants[0].minimum == 1)


def load_tested(deployed: Deployed, out: Path) -> float:
    """The knee of the endpoint, with small limits: what stops it is the highest rate that is asked for."""
    payload = out.with_name("row.csv")
    payload.write_text("21\n", encoding="utf-8")
    limits = [
        "--latency-ms",
        "2000",
        "--first-rps",
        "15",
        "--most-rps",
        "20",
        "--step-seconds",
        "1",
        "--most-minutes",
        "2",
    ]
    asked = [deployed.endpoint, "--payload", payload, "--out", out, *limits, "--endpoint-url", _url(deployed)]
    result = CliRunner().invoke(app, ["loadtest", *map(str, asked)])
    assert result.exit_code == 0, result.output
    return float(json.loads(out.read_text())["requests_per_second"])


def mlp(deployed: Deployed, *arguments: str) -> Any:
    """What a command of `mlp endpoints` says."""
    result = CliRunner().invoke(app, ["endpoints", *arguments, "--json", "--endpoint-url", _url(deployed)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def demand(directory: Path, knee: float) -> Path:
    """Four days by the hour: half an instance, and one and a half at noon."""
    path = directory / "noon.csv"
    hours = (datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour) for hour in range(96))
    counts = (f"{hour.isoformat()},{3600 * knee * (1.5 if hour.hour == 12 else 0.5):.0f}\n" for hour in hours)
    path.write_text(f"time,requests\n{''.join(counts)}", encoding="utf-8")
    return path


def load_until(deployed: Deployed, requests_per_second: float, reached: Callable[[], bool]) -> None:
    """Send requests as `mlp loadtest` does, until something is so. All of them are answered."""
    tested = EndpointUnderTest(at_endpoint(_url(deployed)), deployed.endpoint, "main")
    goal = Goal(latency_seconds=1, quantile=0.99)
    generator = OpenLoop(tested.sender([b"21"], "text/csv", timeout_seconds=30), goal, stop_at_errors=1, seed=0)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached() and time.monotonic() < deadline:
        step = generator.step(requests_per_second, 2)
        assert (step.errors, step.first_error) == (0, None)
    assert reached()


def count_invocations(deployed: Deployed, requests_per_second: float) -> None:
    """Let CloudWatch have counted as much in the next hours, on the last two days."""
    now = datetime.now(tz=UTC)
    first = now - timedelta(minutes=now.minute % 5, seconds=now.second, microseconds=now.microsecond)
    moments = (first - timedelta(days=day) + timedelta(minutes=5 * place) for day in (1, 2) for place in range(-12, 60))
    dimensions = [
        {"Name": "EndpointName", "Value": deployed.endpoint},
        {"Name": "VariantName", "Value": "main"},
    ]
    data = [
        {
            "MetricName": "Invocations",
            "Dimensions": dimensions,
            "Timestamp": moment,
            "Value": math.floor(300 * requests_per_second),
        }
        for moment in moments
    ]
    deployed.workbench.engine.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=data)


def _url(deployed: Deployed) -> str:
    return deployed.workbench.engine.endpoint_url
