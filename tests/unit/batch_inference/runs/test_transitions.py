"""Decisions, one by one. What holds for all of them together is in test_any_order_of_events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from attempts.failures import Failure, FailureKind, FailurePolicy, Retry
from attempts.machines import Machine
from mlscaling.jobs.ladder import OutOfMemory
from runs import outbox
from runs.settings import Overlap
from runs.state import Because, QueuedRun, StaleFenceError, State, Status, Subject
from runs.transitions import Answer, Ending, Policy, acquire, bind, end, start, tell_late

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
WAIT, SKIP, REPLACE = (Policy(overlap) for overlap in Overlap)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/demo/execution/"
MACHINE = Machine("ml.m5.large", 8 * 1024**3, 500)


def run(hour: int, because: Because = Because.SCHEDULE, *, again: bool = False) -> QueuedRun:
    return QueuedRun(f"h{hour}", NOW + timedelta(hours=hour), because, again)


def started(*hours: int, policy: Policy = WAIT, because: Because = Because.SCHEDULE) -> State:
    state = State(created_at=NOW)
    for hour in hours:
        state, _ = start(state, run(hour, because), NOW, policy, published=False)
    return state


def running(hour: int = 0, policy: Policy = WAIT) -> State:
    state, _ = bind(started(hour, policy=policy), f"h{hour}", 1, f"{ARN}1")
    return state


def failed(kind: FailureKind, run_id: str = "h0", fence: int = 1, step: str = "Score") -> Ending:
    return Ending(run_id, fence, failure=Failure(kind, step, kind.value), machine=MACHINE)


def test_runs_wait_for_their_turn_in_the_order_of_their_moments() -> None:
    state = started(0, 3, 1, 2)
    assert list(state.active) == ["h0"]
    assert [queued.run_id for queued in state.queue] == ["h1", "h2", "h3"]
    state = end(state, Ending("h0", 1, published=True), NOW, WAIT)
    assert list(state.active) == ["h1"]
    assert state.active["h1"].fence == 2


def test_a_run_is_skipped_while_another_is_at_work() -> None:
    state, answer = start(started(0), run(1), NOW, SKIP, published=False)
    assert answer is Answer.SKIPPED
    assert [(found.run_id, found.status) for found in state.recent] == [("h1", Status.SKIPPED)]


def test_a_newer_run_replaces_an_older_one_once_that_has_stopped() -> None:
    state, answer = start(running(policy=REPLACE), run(1), NOW, REPLACE, published=False)
    assert answer is Answer.QUEUED
    state, effects = outbox.due(state, NOW)
    assert effects == (outbox.StopExecution(f"{ARN}1"),)
    with pytest.raises(StaleFenceError, match="run h0 is being replaced by a newer one"):
        state.holder("h0", 1)
    state = end(state, Ending("h0", 1), NOW, REPLACE)
    assert list(state.active) == ["h1"]
    assert state.recent[-1].status is Status.REPLACED
    assert state.notices == ()


def test_an_older_run_never_replaces_a_newer_one() -> None:
    _, answer = start(started(2), run(1), NOW, REPLACE, published=False)
    assert answer is Answer.SKIPPED


@pytest.mark.parametrize("policy", [WAIT, SKIP, REPLACE])
def test_the_same_run_twice_does_nothing(policy: Policy) -> None:
    state = started(0)
    assert start(state, run(0), NOW, policy, published=False) == (state, Answer.DUPLICATE)
    done = end(state, Ending("h0", 1, published=True), NOW, policy)
    assert start(done, run(0), NOW, policy, published=False) == (done, Answer.DUPLICATE)
    fresh = State(created_at=NOW)
    assert start(fresh, run(0), NOW, policy, published=True) == (fresh, Answer.DUPLICATE)


def test_a_published_run_starts_again_when_asked_to_with_a_new_generation() -> None:
    done = end(started(0), Ending("h0", 1, published=True), NOW, WAIT)
    state, answer = start(done, run(0, again=True), NOW, WAIT, published=True)
    assert answer is Answer.STARTED
    assert state.active["h0"].generation == 2


def test_a_failed_run_starts_again_by_backfill_but_not_by_a_late_copy_of_its_event() -> None:
    state = end(started(0), failed(FailureKind.NO_MODEL), NOW, WAIT)
    assert state.recent[-1].status is Status.FAILED
    assert start(state, run(0), NOW, WAIT, published=False)[1] is Answer.DUPLICATE
    assert start(state, run(0, Because.BACKFILL), NOW, WAIT, published=False)[1] is Answer.STARTED


def test_backfill_runs_beside_the_others_and_only_so_many_at_once() -> None:
    state = State(created_at=NOW, backfill_parallel=2)
    for hour in range(4):
        state, _ = start(state, run(hour, Because.BACKFILL), NOW, REPLACE, published=False)
    state, answer = start(state, run(9), NOW, SKIP, published=False)
    assert answer is Answer.STARTED
    assert list(state.active) == ["h0", "h1", "h9"]
    assert [queued.run_id for queued in state.queue] == ["h2", "h3"]


def test_a_failed_attempt_keeps_its_generation_and_waits_longer_each_time() -> None:
    state = end(running(), failed(FailureKind.INTERNAL), NOW, WAIT)
    again = state.active["h0"]
    assert (again.fence, again.generation, again.attempt, again.execution_arn) == (2, 1, 2, None)
    assert again.retry_at == NOW + timedelta(seconds=60)
    assert outbox.due(state, NOW)[1] == (outbox.LookAgain(NOW + timedelta(seconds=60)),)
    later = NOW + timedelta(seconds=60)
    assert outbox.due(state, later)[1] == (outbox.StartExecution("h0", 2, None),)
    state = end(state, failed(FailureKind.INTERNAL, fence=2), later, WAIT)
    assert state.active["h0"].retry_at == later + timedelta(seconds=120)


def test_an_end_that_is_heard_of_twice_counts_once() -> None:
    state = end(running(), failed(FailureKind.INTERNAL), NOW, WAIT)
    assert end(state, failed(FailureKind.INTERNAL), NOW, WAIT) == state


def test_retry_all_starts_a_new_generation() -> None:
    policy = Policy(failure=FailurePolicy(retry=Retry.ALL))
    assert end(running(), failed(FailureKind.INTERNAL), NOW, policy).active["h0"].generation == 2


@pytest.mark.parametrize("kind", [FailureKind.INPUT_CHANGED, FailureKind.OUT_OF_MEMORY, FailureKind.SCRIPT])
def test_an_attempt_without_parts_to_go_on_with_starts_a_new_generation(kind: FailureKind) -> None:
    again = end(running(), failed(kind, step="PrepareInput"), NOW, WAIT).active["h0"]
    assert (again.attempt, again.generation) == (2, 2)


def test_an_input_that_keeps_changing_ends_the_run_after_the_attempts_of_its_policy() -> None:
    policy = Policy(failure=FailurePolicy(max_attempts=3, backoff_seconds=0))
    state = running()
    for fence in (1, 2, 3):
        state = end(state, failed(FailureKind.INPUT_CHANGED, fence=fence, step="PrepareInput"), NOW, policy)
    assert [(found.status, found.attempts) for found in state.recent] == [(Status.FAILED, 3)]


def test_next_run_leaves_it_to_the_next_run() -> None:
    policy = Policy(failure=FailurePolicy(retry=Retry.NEXT_RUN))
    state, _ = start(running(), run(1), NOW, policy, published=False)
    state = end(state, failed(FailureKind.INTERNAL), NOW, policy)
    assert list(state.active) == ["h1"]
    assert state.recent[-1].status is Status.FAILED
    assert [notice.subject for notice in state.notices] == [Subject.FAILED]


def test_after_the_last_attempt_it_is_told_and_the_next_run_starts() -> None:
    policy = Policy(failure=FailurePolicy(max_attempts=2, backoff_seconds=0))
    state, _ = start(running(), run(1), NOW, policy, published=False)
    state = end(state, failed(FailureKind.TIMEOUT), NOW, policy)
    state = end(state, failed(FailureKind.TIMEOUT, fence=2), NOW, policy)
    (notice,) = state.notices
    assert (notice.subject, notice.attempts, notice.failure) == (
        Subject.FAILED,
        2,
        Failure(FailureKind.TIMEOUT, "Score", "TIMEOUT"),
    )
    assert list(state.active) == ["h1"]


def test_more_to_score_goes_on_at_once_and_is_no_failure() -> None:
    state = end(running(), failed(FailureKind.MORE_TO_SCORE), NOW, Policy(failure=FailurePolicy(max_attempts=1)))
    again = state.active["h0"]
    assert (again.attempt, again.continued, again.generation, again.retry_at) == (1, 1, 1, None)


def test_shortages_are_remembered_for_the_step_that_had_them() -> None:
    state = end(running(), failed(FailureKind.OUT_OF_MEMORY), NOW, WAIT)
    assert state.active["h0"].retry_at is None
    assert state.memory_of("Score").out_of_memory == (OutOfMemory(500, 8 * 1024**3),)
    state = end(state, failed(FailureKind.NO_CAPACITY, fence=2, step="PrepareInput"), NOW, WAIT)
    assert state.memory_of("PrepareInput").no_capacity == {"ml.m5.large": NOW + timedelta(hours=6)}
    assert state.memory_of("PrepareInput").out_of_memory == ()


def test_what_fails_after_publishing_is_a_warning() -> None:
    failure = Failure(FailureKind.SCRIPT, "ScoreChallenger", "no")
    state = end(running(), Ending("h0", 1, published=True, failure=failure), NOW, WAIT)
    assert state.recent[-1].status is Status.PUBLISHED
    assert state.published_at == NOW
    assert [notice.subject for notice in state.notices] == [Subject.WARNING]


def test_violations_of_the_checks_are_told_after_a_run_that_published() -> None:
    state = running()
    run = replace(state.active["h0"], warning="1 violations of the checks of the input: 'hour' is negative")
    state = end(state.with_active("h0", run), Ending("h0", 1, published=True), NOW, WAIT)
    (notice,) = state.notices
    assert (notice.subject, notice.failure) == (
        Subject.WARNING,
        Failure(FailureKind.DATA_CHECK, "PrepareInput", "1 violations of the checks of the input: 'hour' is negative"),
    )


def test_a_run_that_somebody_stopped_is_not_tried_again() -> None:
    state = end(running(), Ending("h0", 1), NOW, WAIT)
    assert not state.active
    assert [notice.subject for notice in state.notices] == [Subject.STOPPED]


def test_a_second_execution_of_the_same_attempt_is_refused() -> None:
    with pytest.raises(StaleFenceError, match="this is a copy of that execution"):
        bind(running(), "h0", 1, f"{ARN}2")
    assert bind(running(), "h0", 1, f"{ARN}1")[0] == running()


def test_a_start_by_hand_takes_the_free_place_and_waits_for_one_that_is_taken() -> None:
    by_hand = QueuedRun("x1", NOW, Because.MANUAL, again=True, input_uri="s3://data/other/")
    state, found, answer = acquire(State(created_at=NOW), by_hand, f"{ARN}x1", NOW, WAIT)
    assert found is not None
    assert (found.execution_arn, answer) == (f"{ARN}x1", Answer.STARTED)
    assert acquire(state, by_hand, f"{ARN}x1", NOW, WAIT) == (state, found, Answer.STARTED)
    state, found, answer = acquire(running(), by_hand, f"{ARN}x1", NOW, WAIT)
    assert (found, answer) == (None, Answer.QUEUED)
    state = end(state, Ending("h0", 1, published=True), NOW, WAIT)
    assert outbox.due(state, NOW)[1][0] == outbox.StartExecution("x1", 2, "s3://data/other/")


def test_lateness_is_told_once() -> None:
    state = tell_late(running(), "h0", NOW, NOW, NOW)
    assert [notice.subject for notice in state.notices] == [Subject.LATE]
    assert tell_late(state, "h0", NOW, NOW, NOW) == state


def test_a_notice_that_somebody_is_telling_is_left_to_them_for_a_while() -> None:
    state = end(running(), Ending("h0", 1), NOW, WAIT)
    state, effects = outbox.due(state, NOW)
    assert [type(effect) for effect in effects] == [outbox.Tell]
    assert outbox.due(state, NOW)[1] == ()
    assert len(outbox.due(state, NOW + outbox.CLAIMED_FOR)[1]) == 1
    assert outbox.confirm_told(state, state.notices[0].notice_id).notices == ()


def test_a_start_that_is_confirmed_too_late_confirms_nothing() -> None:
    state = end(running(), failed(FailureKind.OUT_OF_MEMORY), NOW, WAIT)
    assert outbox.confirm_started(state, "h0", 1, f"{ARN}1") == state
    assert outbox.confirm_started(state, "h0", 2, f"{ARN}2").active["h0"].execution_arn == f"{ARN}2"
