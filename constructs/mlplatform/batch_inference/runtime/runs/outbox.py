"""What a state asks to be done in AWS. Nothing is queued: it follows from the state, until a confirmation changes that.

Every effect may be carried out twice: a start carries a token, a stop of what has stopped does nothing, and a notice is
claimed for a while, so that two functions at the same moment do not both tell it.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runs.state import Notice, State

CLAIMED_FOR = timedelta(minutes=3)  # Longer than the controller may run.


@dataclass(frozen=True)
class StartExecution:
    """Start the execution of an attempt."""

    run_id: str
    fence: int
    input_uri: str | None

    def token(self, pipeline_arn: str) -> str:
        """The same for the same attempt, so that SageMaker starts one execution however often it is asked."""
        return hashlib.sha256(f"{pipeline_arn} {self.run_id} {self.fence}".encode()).hexdigest()


@dataclass(frozen=True)
class StopExecution:
    """Stop the execution of a run that is being replaced."""

    execution_arn: str


@dataclass(frozen=True)
class Tell:
    """Tell a notice."""

    notice: Notice


@dataclass(frozen=True)
class LookAgain:
    """Look again at this moment, when an attempt is due."""

    at: datetime


Effect = StartExecution | StopExecution | Tell | LookAgain


def due(state: State, now: datetime) -> tuple[State, tuple[Effect, ...]]:
    """What to do now, in this order; in the state that comes with it, the caller has claimed the notices."""
    active = state.active.items()
    starts = [
        StartExecution(run_id, run.fence, run.input_uri)
        for run_id, run in active
        if run.execution_arn is None and (run.retry_at is None or run.retry_at <= now)
    ]
    stops = [StopExecution(run.execution_arn) for _, run in active if run.replaced and run.execution_arn is not None]
    waiting = [run.retry_at for _, run in active if run.execution_arn is None and run.retry_at and run.retry_at > now]
    free = [notice for notice in state.notices if notice.claimed_until is None or notice.claimed_until <= now]
    claimed = tuple(
        replace(notice, claimed_until=now + CLAIMED_FOR) if notice in free else notice for notice in state.notices
    )
    looks = [LookAgain(min(waiting))] if waiting else []
    return replace(state, notices=claimed), (*starts, *stops, *looks, *(Tell(notice) for notice in free))


def confirm_started(state: State, run_id: str, fence: int, execution_arn: str) -> State:
    """An attempt has its execution."""
    run = state.active.get(run_id)
    if run is None or run.fence != fence or run.execution_arn is not None:
        return state
    return state.with_active(run_id, replace(run, execution_arn=execution_arn))


def confirm_told(state: State, notice_id: str) -> State:
    """A notice has been told."""
    return replace(state, notices=tuple(notice for notice in state.notices if notice.notice_id != notice_id))
