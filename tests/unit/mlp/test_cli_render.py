"""Tables and sentences, as a pipe shows them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console, RenderableType

from mlp.endpoints import ComponentRow, EndpointRow, VariantRow
from mlp.model import Execution, ModelVersion, PipelineRow, StepRun
from mlp.render import (
    duration,
    endpoints_table,
    execution_line,
    follower_line,
    pipelines_table,
    step_line,
    step_table,
    version_line,
)

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def shown(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(renderable)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.44, "0.4 s"), (9.94, "9.9 s"), (42.4, "42 s"), (185, "3 min 05 s"), (7650, "2 h 07 min")],
)
def test_durations_read_like_a_clock(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_the_table_shows_the_steps_that_began_and_those_that_did_not(
    execution: Execution, make_step: Callable[..., StepRun]
) -> None:
    failed = make_step("Train", status="Failed", failure_reason="AlgorithmError: [red]exit code 1[/]")
    names = ("ValidateData", "Train", "RegisterModel")

    table = shown(step_table(execution, [make_step(), failed], names, now=NOON))

    assert "demand-forecast-training/abc123  Failed  20 s" in table
    rows = {line.split("│")[1].strip(): line for line in table.splitlines() if line.startswith("│")}
    assert "5.0 s" in rows["ValidateData"]
    assert "AlgorithmError: [red]exit code 1[/]" in rows["Train"]
    assert "not run" in rows["RegisterModel"]


def test_a_plain_line_names_step_status_duration_and_reason(make_step: Callable[..., StepRun]) -> None:
    failed = make_step("Train", status="Failed", failure_reason="exit code 1")
    running = make_step("Train", status="Executing", end=None)

    assert step_line(failed, now=NOON).split() == ["Train", "Failed", "5.0", "s", "exit", "code", "1"]
    assert step_line(running, now=NOON + timedelta(seconds=9)).split() == ["Train", "Executing"]


def test_a_cached_step_and_a_condition_say_what_happened(make_step: Callable[..., StepRun]) -> None:
    assert "taken from the cache" in step_line(make_step(is_cached=True), now=NOON)
    assert "condition is true" in step_line(make_step(outcome="True"), now=NOON)


def test_the_last_line_says_how_it_ended(execution: Execution) -> None:
    assert execution_line(execution, now=NOON) == "Failed in 20 s: demand-forecast-training/abc123"


def test_an_execution_that_follows_another_says_so_by_short_names(execution: Execution) -> None:
    follower = replace(
        execution,
        arn=execution.arn.replace("training/execution/abc123", "training-on-demand/execution/def456"),
        pipeline_name="demand-forecast-training-on-demand",
        description=f"Attempt 2, on demand, to be ready by 2026-11-30 06:00 UTC, after {execution.arn}",
    )
    note = "Attempt 2, on demand, to be ready by 2026-11-30 06:00 UTC, after demand-forecast-training/abc123"

    assert follower.follows(execution)
    assert not execution.follows(follower)
    assert follower_line(follower) == (
        f"the platform goes on in demand-forecast-training-on-demand/def456: {note}; "
        "watch it with `mlp watch demand-forecast-training-on-demand/def456`"
    )
    assert note in shown(step_table(follower, [], [], now=NOON))
    assert "Attempt 2, on demand" in shown(pipelines_table([PipelineRow(name="a", last=follower)], now=NOON))


def test_pipelines_are_listed_with_their_last_execution(execution: Execution) -> None:
    table = shown(pipelines_table([PipelineRow(name="a", last=execution), PipelineRow(name="b", last=None)], now=NOON))

    assert "abc123" in table
    assert "has not run yet" in table


def test_a_model_version_is_named_with_its_group_and_state() -> None:
    version = ModelVersion(arn="arn", group="demand", version=3, approval="Approved")

    assert version_line(version) == "demand version 3: Approved"


def test_endpoints_have_a_line_for_each_variant_and_each_component() -> None:
    unscaled: dict[str, None] = dict.fromkeys(("minimum", "maximum"))
    variant = VariantRow(
        name="main", instances=1, provisioned_concurrency=None, desired=2, minimum=1, maximum=4, policies=("track",)
    )
    component = ComponentRow(
        name="copied",
        variant="main",
        status="InService",
        failure_reason="no room",
        copies=2,
        desired=2,
        policies=(),
        **unscaled,
    )
    serverless = replace(variant, name="warm", instances=None, provisioned_concurrency=1, desired=1, policies=())
    cold = replace(serverless, name="cold", provisioned_concurrency=None, desired=None, minimum=None)
    row = EndpointRow(
        name="live",
        status="InService",
        failure_reason=None,
        variants=(variant, serverless, cold),
        components=(component,),
    )
    new = replace(row, name="new", status="Creating", variants=(), components=())

    cells = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in shown(endpoints_table([row, new])).split("\n")
    ]

    assert [line for line in cells if line] == [
        ["live", "InService", "main", "1 instance, 2 wanted", "1 to 4", "track"],
        ["", "", "warm", "1 warm container", "1 to 4", ""],
        ["", "", "cold", "", "", ""],
        ["", "InService: no room", "copied", "2 copies", "", ""],
        ["new", "Creating", "", "", "", ""],
    ]
