"""Every decision about runs, as pure functions from a state to the next.

Each is idempotent and goes forward only: to hear of a start or of an end again, late or in another order changes nothing.
Nothing here acts: what a state asks to be done in AWS is what `outbox` reads from it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from attempts.failures import Failure, FailureKind, FailurePolicy, Retry
from attempts.machines import Machine, learn
from runs.places import advance, conclude, give_up, next_attempt
from runs.settings import Overlap, Settings
from runs.state import PREPARE_STEP, ActiveRun, Because, Notice, QueuedRun, StaleFenceError, State, Status, Subject

LONGEST_CHAIN = 100  # Jobs that one output is made by, before something must be wrong with how it is split.


@dataclass(frozen=True)
class Policy:
    """How runs of one pipeline live together and fail."""

    overlap: Overlap = Overlap.WAIT
    failure: FailurePolicy = field(default_factory=FailurePolicy)

    @staticmethod
    def of(settings: Settings) -> "Policy":
        """The policy that a pipeline was deployed with."""
        return Policy(settings.overlap, settings.failure)


class Answer(Enum):
    """What became of a wanted run."""

    STARTED = "started"
    QUEUED = "queued"
    SKIPPED = "skipped"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Ending:
    """How the execution of an attempt ended. `published`: what the run was for is there, whatever else went wrong."""

    run_id: str
    fence: int
    published: bool = False
    failure: Failure | None = None
    """None, without having published: somebody stopped it."""
    machine: Machine | None = None


def start(state: State, wanted: QueuedRun, now: datetime, policy: Policy, *, published: bool) -> tuple[State, Answer]:
    """A run is due. `published`: its output was there already when that was looked up, after `state` was read."""
    if _is_duplicate(state, wanted, published):
        return state, Answer.DUPLICATE
    rivals = _rivals(state, wanted)
    if policy.overlap is Overlap.SKIP and rivals:
        return give_up(state, wanted, now, Status.SKIPPED, "another run was at work"), Answer.SKIPPED
    if policy.overlap is Overlap.REPLACE and rivals:
        if max(rivals) > wanted.scheduled_at:
            return give_up(state, wanted, now, Status.SKIPPED, "a run for a later moment was at work"), Answer.SKIPPED
        state = _replace_rivals(state, wanted, now)
    # Starts may come out of order; runs do not.
    queue = sorted((*state.queue, wanted), key=lambda queued: queued.scheduled_at)
    state = advance(replace(state, queue=tuple(queue)), now)
    return state, Answer.STARTED if wanted.run_id in state.active else Answer.QUEUED


def end(state: State, ending: Ending, now: datetime, policy: Policy) -> State:
    """The execution of an attempt has ended: its run is over, or gets another attempt. Attempts of the past change nothing."""
    run = state.active.get(ending.run_id)
    if run is None or run.fence != ending.fence:
        return state
    if ending.published:
        return conclude(state, ending.run_id, now, Status.PUBLISHED, ending.failure or _warning(run))
    if run.replaced or ending.failure is None:
        return conclude(state, ending.run_id, now, Status.REPLACED if run.replaced else Status.STOPPED)
    state = _learn(state, ending.failure, ending.machine, now)
    following = _following(run, ending.failure, policy.failure)
    if following is None:
        return conclude(state, ending.run_id, now, Status.FAILED, ending.failure)
    going_on = ending.failure.kind is FailureKind.MORE_TO_SCORE
    wait = timedelta(0) if going_on else policy.failure.wait(ending.failure.kind, run.attempt)
    # Without parts there is nothing to go on with, so the newest model and input are as good, or better.
    anew = ending.failure.step == PREPARE_STEP or (policy.failure.retry is Retry.ALL and not going_on)
    return next_attempt(state, ending.run_id, following, now, now + wait, anew=anew)


def bind(state: State, run_id: str, fence: int, execution_arn: str) -> tuple[State, ActiveRun]:
    """The execution of an attempt has begun. Raises StaleFenceError unless its run waits for exactly this one."""
    run = state.holder(run_id, fence)
    if run.execution_arn not in (None, execution_arn):
        raise StaleFenceError(
            f"StaleFence: fence {fence} of run {run_id} belongs to {run.execution_arn}; "
            "this is a copy of that execution and may do nothing"
        )
    bound = replace(run, execution_arn=execution_arn)
    return state.with_active(run_id, bound), bound


def acquire(
    state: State, wanted: QueuedRun, execution_arn: str, now: datetime, policy: Policy
) -> tuple[State, ActiveRun | None, Answer]:
    """An execution that a person started asks for a place of its own; without one, its run is queued, skipped or a duplicate."""
    held = state.active.get(wanted.run_id)
    if held is not None and held.execution_arn == execution_arn and not held.replaced:
        return state, held, Answer.STARTED
    state, answer = start(state, wanted, now, policy, published=False)
    if answer is not Answer.STARTED:
        return state, None, answer
    state, bound = bind(state, wanted.run_id, state.active[wanted.run_id].fence, execution_arn)
    return state, bound, answer


def tell_late(state: State, run_id: str, forecast_at: datetime, deadline_at: datetime, now: datetime) -> State:
    """A run is forecast to miss its deadline; that is told once."""
    run = state.active.get(run_id)
    if run is None or run.late_told:
        return state
    late = Notice(
        notice_id=f"{run_id}/{run.generation}/{Subject.LATE.value}",
        subject=Subject.LATE,
        run_id=run_id,
        scheduled_at=run.scheduled_at,
        because=run.because,
        at=now,
        attempts=run.attempt,
        execution_arn=run.execution_arn,
        forecast_at=forecast_at,
        deadline_at=deadline_at,
    )
    state = state.with_active(run_id, replace(run, late_told=True))
    return replace(state, notices=(*state.notices, late))


def tell_unmeasured(state: State, execution_arn: str, failure: Failure, now: datetime) -> State:
    """An execution that was to measure the quality of past predictions failed; that is told, once for each event of it."""
    if any(notice.notice_id == execution_arn for notice in state.notices):
        return state
    unmeasured = Notice(
        notice_id=execution_arn,
        subject=Subject.UNMEASURED,
        run_id=execution_arn.rpartition("/")[2],
        scheduled_at=now,
        because=Because.EVENTS,
        at=now,
        attempts=1,
        execution_arn=execution_arn,
        failure=failure,
    )
    return replace(state, notices=(*state.notices, unmeasured))


def _warning(run: ActiveRun) -> Failure | None:
    return None if run.warning is None else Failure(FailureKind.DATA_CHECK, PREPARE_STEP, run.warning)


def _is_duplicate(state: State, wanted: QueuedRun, published: bool) -> bool:
    if wanted.run_id in state.active or any(queued.run_id == wanted.run_id for queued in state.queue):
        return True
    if wanted.again:
        return False
    ended = {run.status for run in state.recent if run.run_id == wanted.run_id}
    # An event may bring a run that failed once more; a backfill is a person who wants what is missing.
    return published or (Status.PUBLISHED in ended if wanted.because is Because.BACKFILL else bool(ended))


def _rivals(state: State, wanted: QueuedRun) -> list[datetime]:
    """The moments of the runs that this one meets; a backfill meets nobody."""
    moments = [(run.because, run.scheduled_at) for run in state.active.values()]
    moments += [(queued.because, queued.scheduled_at) for queued in state.queue]
    return [moment for because, moment in moments if Because.BACKFILL not in (because, wanted.because)]


def _replace_rivals(state: State, wanted: QueuedRun, now: datetime) -> State:
    """Give up what has no execution yet; what has one is marked, and leaves its place when it has been stopped."""
    kept = tuple(queued for queued in state.queue if queued.because is Because.BACKFILL)
    for queued in state.queue:
        if queued not in kept:
            state = give_up(state, queued, now, Status.REPLACED, f"run {wanted.run_id} took its place")
    state = replace(state, queue=kept)
    for run_id, run in state.active.items():
        if run.because is not Because.BACKFILL:
            state = state.with_active(run_id, replace(run, replaced=True))
            if run.execution_arn is None:
                state = conclude(state, run_id, now, Status.REPLACED)
    return state


def _following(run: ActiveRun, failure: Failure, policy: FailurePolicy) -> ActiveRun | None:
    """The run as its next attempt has it, or None when this was the last. To go on with more parts is no failure."""
    if failure.kind is FailureKind.MORE_TO_SCORE:
        return replace(run, continued=run.continued + 1, failure=None) if run.continued < LONGEST_CHAIN else None
    return (
        replace(run, attempt=run.attempt + 1, failure=failure) if run.attempt < policy.attempts(failure.kind) else None
    )


def _learn(state: State, failure: Failure, machine: Machine | None, now: datetime) -> State:
    known = state.memory_of(failure.step)
    learned = learn(known, failure.kind, machine, now)
    return state if learned == known else state.with_memory(failure.step, learned)
