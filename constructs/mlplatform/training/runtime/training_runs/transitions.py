"""What is decided about the training jobs of one pipeline: pure functions from a state to the next.

They are idempotent: to hear of an end again changes nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from attempts.failures import Failure, FailureKind
from attempts.machines import learn, machine_of
from mlscaling.jobs.ladder import Choice, Usage, choose
from mlscaling.jobs.spot import FINISHES, Finish, is_to_move, spot_until

from .settings import Settings
from .state import Again, Planned, Spot, State

TRAIN_STEP = "Train"
ON_ANOTHER_MACHINE = (FailureKind.OUT_OF_MEMORY, FailureKind.NO_CAPACITY)
"""What another machine may help against. All else would fail again, or is tried again by the step itself."""
LOOK_EVERY = timedelta(minutes=1)
"""Once an execution may move at any time. EventBridge Scheduler is as precise (user guide, "Schedule types")."""


@dataclass(frozen=True)
class Ended:
    """How an execution ended: what its training job used and how long it took from then on, or why it failed."""

    usage: Usage | None = None
    failure: Failure | None = None
    finish: Finish | None = None
    stopped: bool = False


def plan(
    state: State,
    settings: Settings,
    execution_arn: str,
    *,
    bytes: int,
    attempt: int,
    now: datetime,
    spot: Spot | None = None,
) -> tuple[State, Choice]:
    """The machine for the training job of an execution, which is watched from now on; `spot` if it may move to on demand."""
    moved = settings.has_moved(execution_arn)
    choice = choose(settings.ladder, state.memory_for(moved=moved), bytes=bytes, now=now)
    planned = Planned(choice.instance_type, bytes, attempt, spot, moved)
    return state.with_planned(execution_arn, planned), choice


def until(state: State, planned: Planned, settings: Settings) -> datetime | None:
    """The last moment for an execution to move to on demand; None for one that does not."""
    if planned.spot is None or settings.on_demand is None:
        return None
    return spot_until(
        planned.spot.ready_by,
        state.finishes,
        bytes=planned.input_bytes,
        prepare_seconds=planned.spot.prepare_seconds,
        max_runtime_seconds=settings.on_demand.max_runtime_seconds,
    )


def wait(state: State, execution_arn: str, settings: Settings, now: datetime, *, has_machine: bool) -> State:
    """An execution is at work: it moves, if its training job waits and there is no more time for that."""
    planned = state.planned.get(execution_arn)
    if planned is None or planned.spot is None or planned.spot.moves:
        return state
    last = until(state, planned, settings)
    if last is None or not is_to_move(last, now, has_machine=has_machine):
        return state
    return state.with_planned(execution_arn, replace(planned, spot=replace(planned.spot, moves=True)))


def looks(state: State, settings: Settings, now: datetime) -> dict[str, datetime]:
    """When to look again at executions that may move: at the last moment, and from then on until they have ended and are followed."""
    lasts = {arn: until(state, planned, settings) for arn, planned in state.planned.items()}
    moments = {arn: last if last > now else now + LOOK_EVERY for arn, last in lasts.items() if last is not None}
    return {**moments, **{again.failed_arn: now + LOOK_EVERY for again in state.again}}


def end(state: State, execution_arn: str, ended: Ended, settings: Settings, now: datetime) -> State:
    """An execution has ended: remember what it taught, and have it started again if another machine may help.

    That is not so after the last attempt, nor when a job has run out of the most memory that the ladder has.
    """
    planned = state.planned.get(execution_arn)
    if planned is None:
        return state
    waiting = {arn: other for arn, other in state.planned.items() if arn != execution_arn}
    usage = [] if ended.usage is None else [ended.usage]
    finish = () if ended.finish is None else (ended.finish,)
    state = replace(
        state,
        planned=waiting,
        memory=state.memory.with_usage(usage),
        finishes=(*state.finishes, *finish)[-FINISHES:],
    )
    failure = ended.failure
    if failure is not None and failure.step == TRAIN_STEP and failure.kind in ON_ANOTHER_MACHINE:
        return _after_failure(state, execution_arn, planned, failure.kind, settings, now)
    if planned.spot is not None and planned.spot.moves and ended.stopped:
        return _start(state, _again(execution_arn, planned, on_demand=True))
    return state


def confirm_started(state: State, again: Again) -> State:
    """An execution has been started, or cannot be."""
    return replace(state, again=tuple(other for other in state.again if other != again))


def _after_failure(
    state: State, execution_arn: str, planned: Planned, kind: FailureKind, settings: Settings, now: datetime
) -> State:
    """The next attempt is on demand when there is no time for another on spot capacity, or when it is the last one."""
    machine = machine_of(settings.ladder, planned.instance_type, planned.input_bytes)
    memory = learn(state.memory_for(moved=planned.moved), kind, machine, now)
    state = state.with_memory(memory, moved=planned.moved)
    last = until(state, planned, settings)
    leaves = last is not None and (now >= last or planned.attempt + 1 >= settings.max_attempts)
    on_demand = planned.moved or leaves
    following = choose(settings.ladder, state.memory_for(moved=on_demand), bytes=planned.input_bytes, now=now)
    # For want of spot capacity alone no deadline is missed: that an execution moves does not count.
    goes_on = planned.attempt < settings.max_attempts or (leaves and kind is FailureKind.NO_CAPACITY)
    if not goes_on or following.exhausted:
        return state
    return _start(state, _again(execution_arn, planned, on_demand=on_demand))


def _again(execution_arn: str, planned: Planned, *, on_demand: bool) -> Again:
    ready_by = None if planned.spot is None else planned.spot.ready_by
    return Again(execution_arn, planned.attempt + 1, on_demand, ready_by)


def _start(state: State, again: Again) -> State:
    return replace(state, again=(*state.again, again))
