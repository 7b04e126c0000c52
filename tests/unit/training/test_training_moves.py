"""The function that moves executions from spot capacity to on demand: killed anywhere, and told of everything twice and in any order.

SageMaker and EventBridge Scheduler are played here, as far as the function depends on them; the state is in a real S3.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from attempts.failures import Failure, FailureKind
from attempts.looks import NextLook
from mlplatform.training.runtime.training_runs.plan_training import UNSET, NoMomentError, spot_of
from mlplatform.training.runtime.training_runs.settings import OnDemand, Settings
from mlplatform.training.runtime.training_runs.state import Again, Spot, State, TrainingStore
from mlplatform.training.runtime.training_runs.transitions import (
    LOOK_EVERY,
    TRAIN_STEP,
    Ended,
    confirm_started,
    end,
    looks,
    plan,
    wait,
)
from mlplatform.training.runtime.training_runs.watch_training import NotEndedError, NotStartedError, TrainingWatch
from mlscaling.jobs.ladder import Ladder, Rung
from mlscaling.jobs.spot import MARGIN, Finish

NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)
PREFIX = "arn:aws:sagemaker:us-east-1:123456789012:pipeline"
ARN = f"{PREFIX}/demo-training/execution/first"
LADDER = Ladder((Rung("ml.m5.large", 8, 2, 0.115), Rung("ml.m5.xlarge", 16, 4, 0.23)))
SETTINGS = Settings(
    pipeline_name="demo-training",
    state_uri="s3://artifacts/run-state/demo.json",
    ladder=LADDER,
    max_attempts=3,
    on_demand=OnDemand("demo-training-on-demand", 180, 3600, "arn:function", NextLook("looks", "arn:role", "arn:key")),
)
SPOT = Spot(ready_by=NOW + timedelta(hours=3), prepare_seconds=600)
LAST = SPOT.ready_by - MARGIN - timedelta(minutes=10) - timedelta(hours=1)
"""Ten minutes to prepare and, before anything is known, the hour that a job may run."""
SEEDS = 10


def planned(state: State, arn: str = ARN, attempt: int = 1, spot: Spot | None = SPOT) -> State:
    return plan(state, SETTINGS, arn, bytes=1000, attempt=attempt, now=NOW, spot=spot)[0]


def failed(kind: FailureKind) -> Ended:
    return Ended(failure=Failure(kind, TRAIN_STEP, "in words"))


def moves(state: State, arn: str = ARN) -> bool:
    spot = state.planned[arn].spot
    return spot is not None and spot.moves


def test_a_job_that_waits_moves_at_the_last_moment_and_not_before() -> None:
    state = planned(State())
    before = wait(state, ARN, SETTINGS, LAST - timedelta(seconds=1), has_machine=False)
    at = wait(state, ARN, SETTINGS, LAST, has_machine=False)

    assert looks(state, SETTINGS, NOW) == {ARN: LAST}
    assert (before, moves(at)) == (state, True)
    stopped = end(at, ARN, Ended(stopped=True), SETTINGS, LAST)
    assert stopped.again == (Again(ARN, 2, True, SPOT.ready_by),)
    assert looks(stopped, SETTINGS, LAST) == {ARN: LAST + LOOK_EVERY}


def test_a_job_with_a_machine_keeps_it_and_moves_when_it_loses_it() -> None:
    state = wait(planned(State()), ARN, SETTINGS, LAST, has_machine=True)

    assert not moves(state)
    assert looks(state, SETTINGS, LAST) == {ARN: LAST + LOOK_EVERY}
    assert moves(wait(state, ARN, SETTINGS, LAST + LOOK_EVERY, has_machine=False))


def test_what_people_stop_stays_stopped() -> None:
    assert end(planned(State()), ARN, Ended(stopped=True), SETTINGS, LAST) == State()


def test_a_job_that_was_done_before_it_stopped_is_not_done_again() -> None:
    state = wait(planned(State()), ARN, SETTINGS, LAST, has_machine=False)

    assert end(state, ARN, Ended(finish=Finish(1000, 60)), SETTINGS, LAST) == State(finishes=(Finish(1000, 60),))


@pytest.mark.parametrize(
    ("attempt", "now", "on_demand"), [(1, NOW, False), (2, NOW, True), (1, LAST, True), (3, NOW, True)]
)
def test_without_capacity_the_next_attempt_is_on_demand_if_there_is_no_time_for_another_or_it_is_the_last(
    attempt: int, now: datetime, on_demand: bool
) -> None:
    state = planned(State(), attempt=attempt)

    (again,) = end(state, ARN, failed(FailureKind.NO_CAPACITY), SETTINGS, now).again

    assert again == Again(ARN, attempt + 1, on_demand, SPOT.ready_by)


def test_what_is_short_on_spot_capacity_is_asked_for_on_demand() -> None:
    state = end(planned(State()), ARN, failed(FailureKind.NO_CAPACITY), SETTINGS, LAST)
    moved = f"{PREFIX}/demo-training-on-demand/execution/second"
    state = planned(confirm_started(state, state.again[0]), moved, 2, None)

    assert state.planned[moved].instance_type == "ml.m5.large"
    state = end(state, moved, failed(FailureKind.NO_CAPACITY), SETTINGS, LAST)
    assert state.again == (Again(moved, 3, True),)
    assert set(state.no_capacity_on_demand) == set(state.memory.no_capacity) == {"ml.m5.large"}


def test_the_deadline_counts_from_the_start_unless_an_execution_says_it() -> None:
    event = {"execution_arn": ARN, "started_at": "2026-11-30T02:50:00Z", "ready_by": UNSET}

    assert spot_of(event, SETTINGS, NOW) == Spot(NOW + timedelta(minutes=170), 600)
    assert spot_of({**event, "ready_by": "2026-11-30T06:00:00+00:00"}, SETTINGS, NOW) == SPOT
    assert spot_of({**event, "execution_arn": f"{PREFIX}/demo-training-on-demand/execution/x"}, SETTINGS, NOW) is None
    with pytest.raises(NoMomentError, match="ReadyBy is 'soon'; use a moment such as"):
        spot_of({**event, "ready_by": "soon"}, SETTINGS, NOW)


class Died(BaseException):
    """The function was killed here."""


@dataclass
class World:
    """One execution on spot capacity. `dies_at` counts calls of AWS; `stops` is whether it stops at once when it is asked to."""

    s3: Any
    bucket: str
    status: str = "Executing"
    secondary_status: str = "Starting"
    stops: bool = True
    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: dict[str, str] = field(default_factory=dict)
    dies_at: int | None = None
    calls: int = 0

    @property
    def settings(self) -> Settings:
        return replace(SETTINGS, state_uri=f"s3://{self.bucket}/run-state/demo.json")

    @property
    def store(self) -> TrainingStore:
        s3 = SimpleNamespace(get_object=self._counted(self.s3.get_object), put_object=self._counted(self.s3.put_object))
        return TrainingStore(s3, self.settings.state_uri)

    def look(self, now: datetime, ended_arn: str | None = None) -> list[str]:
        lists = {
            "list_pipeline_execution_steps": self._steps,
            "list_pipeline_parameters_for_execution": self._parameters,
        }
        sagemaker = SimpleNamespace(
            describe_pipeline_execution=self._counted(lambda **_: {"PipelineExecutionStatus": self.status}),
            describe_training_job=self._counted(lambda **_: {"SecondaryStatus": self.secondary_status}),
            get_paginator=lambda name: SimpleNamespace(paginate=self._counted(lambda **_: [lists[name]()])),
            start_pipeline_execution=self._counted(self._start),
            stop_pipeline_execution=self._counted(self._stop),
        )
        scheduler = SimpleNamespace(
            create_schedule=self._counted(lambda **request: self._create(request)),
            update_schedule=self._counted(lambda **request: self._schedule(request)),
            exceptions=SimpleNamespace(ConflictException=ClientError),
        )
        return TrainingWatch(self.settings, self.store, sagemaker, None, scheduler).look(now, ended_arn)

    def _counted(self, action: Callable[..., Any]) -> Callable[..., Any]:
        """Each call may be the last, before or after it has been carried out."""

        def call(**request: Any) -> Any:
            self.calls += 2
            if self.dies_at == self.calls - 1:
                raise Died
            answer = action(**request)
            if self.dies_at == self.calls:
                raise Died
            return answer

        return call

    def _steps(self) -> dict[str, Any]:
        job = {"Arn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/pipelines-1-train"}
        return {"PipelineExecutionSteps": [{"StepName": "Train", "StepStatus": self.status, "Metadata": {"Job": job}}]}

    def _parameters(self) -> dict[str, Any]:
        return {"PipelineParameters": [{"Name": "Attempt", "Value": "1"}, {"Name": "ReadyBy", "Value": UNSET}]}

    def _start(self, **request: Any) -> dict[str, str]:
        assert self.status in ("Stopped", "Failed"), "two jobs would write the same checkpoints"
        self.started.setdefault(request["ClientRequestToken"], request)
        return {"PipelineExecutionArn": f"arn:of:{request['ClientRequestToken']}"}

    def _stop(self, **_: Any) -> None:
        if self.status == "Stopped":
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "it has"}}, "StopPipelineExecution")
        self.status = "Stopped" if self.stops else "Stopping"

    def _create(self, request: dict[str, Any]) -> None:
        if request["Name"] in self.schedules:
            raise ClientError({"Error": {"Code": "ConflictException", "Message": "there is one"}}, "CreateSchedule")
        self._schedule(request)

    def _schedule(self, request: dict[str, Any]) -> None:
        assert request["ActionAfterCompletion"] == "DELETE"
        self.schedules[request["Name"]] = request["ScheduleExpression"]


@pytest.fixture
def world(s3: Any, bucket: str) -> World:
    made = World(s3, bucket)
    made.store.update(planned)
    made.calls = 0
    return made


def test_it_is_stopped_and_started_on_demand_with_its_own_parameters(world: World) -> None:
    assert world.look(LAST - timedelta(minutes=1)) == []
    assert world.schedules == {"first": f"at({LAST + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S})"}
    assert world.look(LAST) == []
    assert world.status == "Stopped"
    assert len(world.look(LAST + LOOK_EVERY, ARN)) == 1

    (started,) = world.started.values()
    assert started["PipelineName"] == "demo-training-on-demand"
    assert {given["Name"]: given["Value"] for given in started["PipelineParameters"]} == {
        "Attempt": "2",
        "CheckpointsOf": "first",
        "ReadyBy": SPOT.ready_by.isoformat(),
    }
    assert started["PipelineExecutionDescription"] == (
        f"Attempt 2, on demand, to be ready by 2026-11-30 06:00 UTC, after {ARN}"
    )


def test_while_its_job_runs_there_is_nothing_to_do_but_to_look_again(world: World) -> None:
    world.secondary_status = "Training"
    before = world.store.read()

    assert world.look(LAST) == []
    assert (world.status, world.store.read()) == ("Executing", before)
    assert world.schedules == {"first": f"at({LAST + LOOK_EVERY + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S})"}


def test_a_job_that_waited_longer_than_it_may_found_no_capacity(world: World) -> None:
    """Its step says only that it was stopped."""
    world.secondary_status, world.status = "MaxWaitTimeExceeded", "Failed"

    world.look(NOW)

    (started,) = world.started.values()
    assert started["PipelineName"] == "demo-training"
    assert list(world.store.read().memory.no_capacity) == ["ml.m5.large"]


@pytest.mark.parametrize("number", range(SEEDS))
def test_killed_anywhere_and_told_in_any_order_it_moves_once(world: World, number: int) -> None:
    """Looks at moments around the last one, ends that are told when they are not there yet, deaths, and an execution that takes its
    time to stop: when all is over, one execution has been started on demand, and no job before the other had ended."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    world.stops = draw.random() < 0.5
    now = LAST - timedelta(minutes=3)
    for _ in range(40):
        now += timedelta(seconds=draw.randrange(20))
        world.dies_at = world.calls + draw.randrange(1, 30) if draw.random() < 0.7 else None
        if world.status == "Stopping" and draw.random() < 0.3:
            world.status = "Stopped"
        if world.status == "Executing":
            world.secondary_status = draw.choice(["Starting", "Training", "Interrupted"])
        try:
            world.look(now, draw.choice([None, ARN]))
        except (Died, NotEndedError, NotStartedError):
            """It is called again, with the next event or the next look."""
    world.dies_at, world.secondary_status = None, "Starting"
    now = max(now, LAST)
    world.look(now)
    world.status = "Stopped"
    world.look(now + LOOK_EVERY)
    world.look(now + LOOK_EVERY, ARN)

    assert len(world.started) == 1, f"seed {seed}"
    assert world.store.read().planned == {}, f"seed {seed}"
    assert world.store.read().again == (), f"seed {seed}"
