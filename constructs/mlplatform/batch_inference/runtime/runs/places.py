"""The mechanics of a state: who has a place, who gets the next one, and what is left of a run when it is over."""

from dataclasses import replace
from datetime import datetime

from attempts.failures import Failure
from runs.state import RECENT_RUNS, ActiveRun, Because, EndedRun, Notice, QueuedRun, State, Status, Subject

_TOLD_AS = {Status.PUBLISHED: Subject.PUBLISHED, Status.FAILED: Subject.FAILED, Status.STOPPED: Subject.STOPPED}


def advance(state: State, now: datetime) -> State:
    """Give places to runs that wait, in order: one for all that are not backfill, `backfill_parallel` for those that are."""
    waiting = []
    for queued in state.queue:
        if _taken(state, queued.because) < _places(state, queued.because):
            state = _activate(state, queued, now)
        else:
            waiting.append(queued)
    return replace(state, queue=tuple(waiting))


def next_attempt(state: State, run_id: str, run: ActiveRun, now: datetime, due: datetime, *, anew: bool) -> State:
    """The run keeps its place under a new fence; `anew` with a new generation, too. Without an execution it is to be started."""
    fence = state.fence + 1
    run = replace(
        run,
        fence=fence,
        generation=fence if anew else run.generation,
        execution_arn=None,
        attempt_started_at=due,
        retry_at=due if due > now else None,
    )
    return replace(state, fence=fence).with_active(run_id, run)


def conclude(state: State, run_id: str, now: datetime, status: Status, failure: Failure | None = None) -> State:
    """A run is over: remember it, have it told, and let the next one start. A published run with a failure is a warning."""
    run = state.active[run_id]
    subject = Subject.WARNING if status is Status.PUBLISHED and failure else _TOLD_AS.get(status)
    notice = [] if subject is None else [_notice(run_id, run, subject, now, failure)]
    state = replace(
        _remember(state, _ended(run_id, run, status, now, failure)),
        active={other: active for other, active in state.active.items() if other != run_id},
        notices=(*state.notices, *notice),
        published_at=now if status is Status.PUBLISHED else state.published_at,
    )
    return advance(state, now)


def give_up(state: State, queued: QueuedRun, now: datetime, status: Status, reason: str) -> State:
    """A run never gets a place; that is remembered."""
    never_started = EndedRun(
        run_id=queued.run_id,
        status=status,
        attempts=0,
        seconds=0.0,
        ended_at=now,
        because=queued.because,
        scheduled_at=queued.scheduled_at,
        reason=reason,
    )
    return _remember(state, never_started)


def _taken(state: State, because: Because) -> int:
    backfill = because is Because.BACKFILL
    return sum((run.because is Because.BACKFILL) is backfill for run in state.active.values())


def _places(state: State, because: Because) -> int:
    return state.backfill_parallel if because is Because.BACKFILL else 1


def _activate(state: State, queued: QueuedRun, now: datetime) -> State:
    fence = state.fence + 1
    run = ActiveRun(
        fence=fence,
        generation=fence,
        attempt=1,
        scheduled_at=queued.scheduled_at,
        because=queued.because,
        started_at=now,
        attempt_started_at=now,
        again=queued.again,
        input_uri=queued.input_uri,
    )
    return replace(state, fence=fence).with_active(queued.run_id, run)


def _notice(run_id: str, run: ActiveRun, subject: Subject, now: datetime, failure: Failure | None) -> Notice:
    return Notice(
        notice_id=f"{run_id}/{run.fence}/{subject.value}",
        subject=subject,
        run_id=run_id,
        scheduled_at=run.scheduled_at,
        because=run.because,
        at=now,
        attempts=run.attempt,
        execution_arn=run.execution_arn,
        failure=failure,
    )


def _ended(run_id: str, run: ActiveRun, status: Status, now: datetime, failure: Failure | None) -> EndedRun:
    return EndedRun(
        run_id=run_id,
        status=status,
        attempts=run.attempt,
        seconds=(now - run.started_at).total_seconds(),
        ended_at=now,
        because=run.because,
        scheduled_at=run.scheduled_at,
        input_bytes=run.input_bytes,
        rows=run.rows,
        cost_usd=run.cost_usd,
        reason=failure.reason if failure else None,
    )


def _remember(state: State, ended: EndedRun) -> State:
    return replace(state, recent=(*state.recent, ended)[-RECENT_RUNS:])
