"""`mlp loadtest` against every kind of endpoint: what is divided by, and a file that the policies' compiler reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from mlp.main import app
from mlscaling.measurements.load_test import LoadTest
from tests.local.endpoints.models import create, put_config, put_model
from tests.local.endpoints.test_asynchronous import put_endpoint
from tests.local.endpoints.test_components import host, put_component, scale
from tests.local.workbench import Workbench

SECONDS = 0.02


def load_test(workbench: Workbench, directory: Path, endpoint: str, *options: str | float) -> Result:
    payload = directory / "row.csv"
    payload.write_text("21\n", encoding="utf-8")
    fixed = ["--payload", payload, "--out", directory / "test.json", "--step-seconds", 1, "--most-minutes", 3]
    url = ["--endpoint-url", workbench.engine.endpoint_url]
    return CliRunner().invoke(app, ["loadtest", endpoint, *map(str, (*fixed, *options, *url))])


def written(directory: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((directory / "test.json").read_text(encoding="utf-8"))
    return document


def test_a_serverless_endpoint_has_a_knee_for_each_of_its_containers(fast: Workbench, tmp_path: Path) -> None:
    """A container works on one request at a time, so that it serves 50 of 20 ms in a second and no more; others are throttled."""
    model = put_model(fast, "serverless-model", SECONDS=str(SECONDS))
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    put_config(fast, "throttling", {"VariantName": "AllTraffic", "ModelName": model, "ServerlessConfig": serverless})
    create(fast, "throttling", "throttling")
    limits = ("--latency-ms", 2000, "--quantile", 0.8, "--stop-at-errors", 0.5, "--first-rps", 20, "--most-rps", 300)
    result = load_test(fast, tmp_path, "throttling", *limits)

    assert result.exit_code == 0, result.output
    assert "testing 2 serverless containers" in result.output
    found = LoadTest.read(tmp_path / "test.json")
    assert found.requests_per_second <= 1 / SECONDS / 0.8
    assert found.concurrency <= 1.5
    document = written(tmp_path)
    assert (document["unit"], document["units"], document["instances"]) == ("container", 2, 0)
    assert document["limited_by"] == "errors"


def test_an_asynchronous_endpoint_has_answered_when_its_output_is_there(fast: Workbench, tmp_path: Path) -> None:
    put_endpoint(fast, "queue", SECONDS=str(SECONDS))
    limits = ("--latency-ms", 4000, "--quantile", 0.9, "--first-rps", 25, "--most-rps", 25)
    result = load_test(fast, tmp_path, "queue", *limits)

    assert result.exit_code == 0, result.output
    assert LoadTest.read(tmp_path / "test.json").requests_per_second == 25
    document = written(tmp_path)
    assert (document["unit"], document["units"], document["limited_by"]) == ("instance", 1, "most_rps")
    (confirmed,) = (step for step in document["steps"] if step["confirming"])
    assert confirmed["p50_seconds"] > SECONDS


def test_what_an_asynchronous_model_says_of_a_failure_is_in_the_file(fast: Workbench, tmp_path: Path) -> None:
    put_endpoint(fast, "failing")
    limits = ("--latency-ms", 2000, "--first-rps", 50)
    payload = tmp_path / "negative.csv"
    payload.write_text("-1\n", encoding="utf-8")
    result = load_test(fast, tmp_path, "failing", *limits, "--payload", str(payload))

    assert result.exit_code == 1
    assert "demand is negative" in written(tmp_path)["steps"][0]["first_error"]


def test_a_component_is_tested_by_its_name_for_each_of_its_copies(fast: Workbench, tmp_path: Path) -> None:
    host(fast, "tested", most=1)
    put_component(fast, "tested", put_model(fast, "copied"))
    scale(fast, "copied", 2)
    limits = ("--latency-ms", 5000, "--first-rps", 20, "--most-rps", 20, "--component")
    unknown = load_test(fast, tmp_path, "tested", *limits, "nobody")
    result = load_test(fast, tmp_path, "tested", *limits, "copied")

    assert unknown.exit_code != 0
    assert "copied" in unknown.output
    assert result.exit_code == 0, result.output
    assert "testing 2 copies on 1 instance of ml.m5.large" in result.output
    assert LoadTest.read(tmp_path / "test.json").requests_per_second == 10
    document = written(tmp_path)
    assert (document["unit"], document["units"], document["component"]) == ("copy", 2, "copied")
