"""The controller, event by event."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mlrecords.codec import InvalidDocumentError
from runs.controller import UnfinishedError, event_of, run_id_of
from runs.settings import Deadline
from runs.state import Status
from tests.unit.batch_inference.runs.world import PIPELINE_ARN, SETTINGS, START, Execution, World, aws_error

DUE = {"start": {"scheduled_at": "2026-11-24T08:00:00Z", "because": "schedule"}}
RUN = "2026-11-24T080000Z"
ENDED = {"detail-type": "SageMaker Model Building Pipeline Execution Status Change", "detail": {}}
TICK = {"tick": True}


@pytest.fixture
def world() -> World:
    return World()


def only(world: World) -> Execution:
    (execution,) = world.executions.values()
    return execution


def newest(world: World) -> Execution:
    return list(world.executions.values())[-1]


def test_a_run_that_is_due_is_started_once_with_its_fence(world: World) -> None:
    assert world.invoke(DUE) == {"runs": {RUN: "started"}}
    assert world.invoke(DUE) == {"runs": {RUN: "duplicate"}}
    assert (only(world).run_id, only(world).fence) == (RUN, 1)
    assert world.state.active[RUN].execution_arn == only(world).arn


def test_a_start_that_died_before_it_was_noted_is_made_up_for_without_a_second_execution(world: World) -> None:
    assert world.invoke(DUE, ["ok"] * 4 + ["die after"]) is None
    assert world.state.active[RUN].execution_arn is None
    world.invoke(TICK)
    assert world.state.active[RUN].execution_arn == only(world).arn


def test_an_end_whose_event_got_lost_is_found_by_the_next_tick(world: World) -> None:
    world.invoke(DUE)
    world.end(only(world), "Succeeded")
    world.invoke(TICK)
    assert [run.status for run in world.state.recent] == [Status.PUBLISHED]
    assert ("Attempts", 1.0) in world.metrics
    assert ("FailedRuns", 0.0) in world.metrics
    assert world.told == []


def test_a_failed_attempt_is_tried_again_when_it_is_due(world: World) -> None:
    world.invoke(DUE)
    world.end(only(world), "Failed", "InternalServerError: again, please")
    world.invoke(ENDED)
    (look,) = world.looks
    assert (look["GroupName"], look["Name"]) == ("demo-weekly-controller", "next-look")
    assert look["ScheduleExpression"] == "at(2026-11-24T08:01:01)"
    assert json.loads(look["Target"]["Input"]) == TICK
    assert len(world.executions) == 1
    world.wait(2)
    world.invoke(TICK)
    assert [execution.fence for execution in world.executions.values()] == [1, 2]


def test_a_machine_that_was_too_small_is_remembered(world: World) -> None:
    world.invoke(DUE)
    world.end(only(world), "Failed", "ClientError: Please use an instance type with more memory")
    world.invoke(ENDED)
    (shortage,) = world.state.memory_of("Score").out_of_memory
    assert (shortage.bytes, shortage.memory_bytes) == (1000, 8 * 1024**3)
    assert newest(world).fence == 2, "more memory is tried at once"


def test_a_run_that_failed_for_good_is_told_with_its_reason(world: World) -> None:
    world.invoke(DUE)
    world.end(only(world), "Failed", "AlgorithmError: DataCheckFailed: column 3, exit code: 1")
    world.invoke(ENDED)
    (message,) = world.told
    assert "DataCheckFailed: column 3" in message["chat"]["content"]["description"]
    assert ("FailedRuns", 1.0) in world.metrics
    world.invoke(TICK)
    assert len(world.told) == 1
    assert world.state.notices == ()


def test_a_challenger_that_fails_after_the_run_was_published_is_a_warning(world: World) -> None:
    world.invoke(DUE)
    world.begin(only(world))
    world.write_manifest(only(world))
    world.end(only(world), "Failed", "AlgorithmError: no, exit code: 1")
    world.invoke(ENDED)
    (message,) = world.told
    assert message["chat"]["metadata"]["eventType"] == "batch-inference-warning"
    assert [run.status for run in world.state.recent] == [Status.PUBLISHED]


def test_a_measurement_that_failed_is_told_with_its_reason_and_is_no_failed_run(world: World) -> None:
    arn = f"{PIPELINE_ARN}-quality/execution/m1"
    world.executions[arn] = Execution(arn, "", 0, world.now, "Failed", "AlgorithmError: column 'sold' is missing")
    failed = {**ENDED, "detail": {"currentPipelineExecutionStatus": "Failed", "pipelineExecutionArn": arn}}
    world.invoke(failed, ["ok"] * 5 + ["die before"])  # Before it is told.
    assert [notice.notice_id for notice in world.state.notices] == [arn]
    world.invoke(failed)  # Another copy.
    world.wait(5)
    world.invoke(TICK)
    (message,) = world.told
    assert message["Subject"] == "demo-weekly: the quality of past predictions could not be measured"
    assert "column 'sold' is missing" in message["chat"]["content"]["description"]
    assert "FailedRuns" not in dict(world.metrics)


def test_what_is_published_already_starts_only_when_it_is_asked_for_again(world: World) -> None:
    world.objects[f"output/demo-weekly/manifests/{RUN}.json"] = ("", b"{}")
    assert world.invoke(DUE) == {"runs": {RUN: "duplicate"}}
    assert world.invoke({"start": {**DUE["start"], "again": True}}) == {"runs": {RUN: "started"}}


def test_a_backfill_says_what_became_of_each_run(world: World) -> None:
    world.objects[f"output/demo-weekly/manifests/{RUN}.json"] = ("", b"{}")
    moments = [f"2026-11-24T{hour:02}:00:00Z" for hour in (8, 9, 10, 11)]
    starts = [{"scheduled_at": moment, "because": "backfill"} for moment in moments]
    answer = world.invoke({"starts": starts, "parallel": 2})
    assert answer is not None
    assert list(answer["runs"].values()) == ["duplicate", "started", "started", "queued"]
    assert len(world.executions) == 2


def test_when_sagemaker_is_busy_the_start_waits_for_the_next_event(world: World) -> None:
    world.invoke(DUE, ["ok"] * 4 + ["busy"])
    assert not world.executions
    world.invoke(TICK)
    assert only(world).run_id == RUN


def test_an_execution_that_cannot_be_started_is_a_failed_attempt(world: World) -> None:
    def refuse(request: dict[str, Any]) -> dict[str, str]:
        raise aws_error("ValidationException", "StartPipelineExecution")

    world._start_execution = refuse  # type: ignore[method-assign]
    world.invoke(DUE)
    for _ in range(3):
        world.wait(10)
        world.invoke(TICK)
    (message,) = world.told
    assert "the execution could not be started" in message["chat"]["content"]["description"]
    assert world.state.recent[-1].attempts == 3


def test_one_effect_that_fails_stops_no_other_and_is_tried_again(world: World) -> None:
    def refuse(message: dict[str, Any]) -> None:
        raise aws_error("AuthorizationError", "Publish")

    tell, world._publish = world._publish, refuse  # type: ignore[method-assign]
    world.invoke(DUE)
    world.invoke({"start": {"scheduled_at": "2026-11-24T09:00:00Z"}})
    world.end(only(world), "Stopped")
    with pytest.raises(UnfinishedError, match=r"not all is done, the rest is tried again: Tell: .*AuthorizationError"):
        world.invoke(ENDED)
    assert newest(world).run_id == "2026-11-24T090000Z"
    world._publish = tell  # type: ignore[method-assign]
    world.wait(5)
    world.invoke(TICK)
    assert len(world.told) == 1


def test_a_run_that_will_be_late_is_told_once_and_measured_at_each_tick() -> None:
    world = World(replace(SETTINGS, deadline=Deadline("08:30", "UTC")))
    world.invoke({"start": {"scheduled_at": "2026-11-24T08:00:00Z"}})
    for _ in range(3):
        world.wait(20)
        world.invoke(TICK)
    late = [value for name, value in world.metrics if name == "ForecastLateSeconds"]
    assert late == [0.0, 600.0, 1800.0]
    (message,) = world.told
    assert "it has to be done by 2026-11-24 08:30 UTC" in message["chat"]["content"]["description"]


def test_the_age_of_the_output_grows_from_the_first_tick_on(world: World) -> None:
    world.invoke(TICK)
    created = world.state.created_at
    world.now = created
    world.wait(60)
    world.invoke(TICK)
    assert world.metrics[-1] == ("OutputAgeSeconds", 3600.0)


def test_runs_are_called_by_their_moment_in_utc() -> None:
    assert run_id_of(START) == RUN
    (wanted,) = event_of({"start": {"scheduled_at": "2026-11-24T17:00:00+09:00"}}).wanted
    assert wanted.run_id == RUN


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({}, "event asks for nothing; give start, starts or tick"),
        ({"start": {"because": "boredom"}}, "event.start has no scheduled_at"),
        ({"start": {"scheduled_at": "now"}}, "event.start.scheduled_at is 'now'; it has to be a moment"),
        ({"tick": True, "parallel": 0}, "event.parallel is 0; at least 1 backfill run has to be allowed"),
    ],
)
def test_an_event_that_means_nothing_is_refused(event: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidDocumentError, match=problem.replace("?", r"\?")):
        event_of(event)
