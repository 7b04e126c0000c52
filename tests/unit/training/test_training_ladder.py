"""What the platform decides about training on a ladder: pure, and idempotent whatever it is told in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from attempts.failures import Failure, FailureKind
from mlplatform.training.runtime.training_runs.settings import Settings
from mlplatform.training.runtime.training_runs.state import Again, State
from mlplatform.training.runtime.training_runs.transitions import TRAIN_STEP, Ended, confirm_started, end, plan
from mlscaling.jobs.ladder import GIB, Ladder, Rung, Usage

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
LADDER = Ladder((Rung("ml.t3.medium", 4, 2, 0.05), Rung("ml.m5.large", 8, 2, 0.115), Rung("ml.m5.xlarge", 16, 4, 0.23)))
SETTINGS = Settings(
    pipeline_name="demo-training", state_uri="s3://artifacts/run-state/demo.json", ladder=LADDER, max_attempts=3
)


def failed(kind: FailureKind, step: str = TRAIN_STEP) -> Ended:
    return Ended(failure=Failure(kind, step, "in words"))


def planned(state: State, arn: str, attempt: int = 1, *, bytes: int = 1000) -> tuple[State, str]:
    state, choice = plan(state, SETTINGS, arn, bytes=bytes, attempt=attempt, now=NOW)
    return state, choice.instance_type


def test_a_job_that_ran_out_of_memory_is_tried_on_the_next_rung() -> None:
    state, first = planned(State(), "arn:1")
    state = end(state, "arn:1", failed(FailureKind.OUT_OF_MEMORY), SETTINGS, NOW)
    _, second = planned(state, "arn:2", attempt=2)

    assert state.again == (Again("arn:1", 2),)
    assert (first, second) == ("ml.t3.medium", "ml.m5.large")


def test_a_job_without_capacity_is_tried_on_another_type() -> None:
    state, _ = planned(State(), "arn:1")
    state = end(state, "arn:1", failed(FailureKind.NO_CAPACITY), SETTINGS, NOW)

    assert state.again == (Again("arn:1", 2),)
    assert planned(state, "arn:2", attempt=2)[1] == "ml.m5.large"


def test_the_end_of_one_execution_counts_once() -> None:
    state, _ = planned(State(), "arn:1")
    once = end(state, "arn:1", failed(FailureKind.OUT_OF_MEMORY), SETTINGS, NOW)

    assert end(once, "arn:1", failed(FailureKind.OUT_OF_MEMORY), SETTINGS, NOW) == once
    assert confirm_started(once, once.again[0]).again == ()
    assert (
        end(confirm_started(once, once.again[0]), "arn:1", failed(FailureKind.NO_CAPACITY), SETTINGS, NOW).again == ()
    )


def test_after_the_last_attempt_nothing_is_started_but_it_is_remembered() -> None:
    state, _ = planned(State(), "arn:1", attempt=3)
    state = end(state, "arn:1", failed(FailureKind.OUT_OF_MEMORY), SETTINGS, NOW)

    assert state.again == ()
    assert planned(state, "arn:2")[1] == "ml.m5.large"


def test_nothing_is_started_when_the_largest_rung_was_too_small() -> None:
    large = replace(SETTINGS, ladder=Ladder(LADDER.rungs[:1]))
    state, _ = plan(State(), large, "arn:1", bytes=1000, attempt=1, now=NOW)

    assert end(state, "arn:1", failed(FailureKind.OUT_OF_MEMORY), large, NOW).again == ()


def test_failures_of_scripts_and_of_other_steps_are_left_to_people() -> None:
    for ended in (failed(FailureKind.SCRIPT), failed(FailureKind.OUT_OF_MEMORY, "Evaluate"), Ended()):
        state, _ = planned(State(), "arn:1")
        assert end(state, "arn:1", ended, SETTINGS, NOW) == State()


def test_what_a_job_used_decides_where_the_next_one_runs() -> None:
    state, _ = planned(State(), "arn:1")
    state = end(state, "arn:1", Ended(usage=Usage("ml.m5.large", 0, 1000, 60.0, 6 * GIB)), SETTINGS, NOW)

    assert planned(state, "arn:2")[1] == "ml.m5.large"


kinds = st.sampled_from(
    [FailureKind.OUT_OF_MEMORY, FailureKind.NO_CAPACITY, FailureKind.SCRIPT, FailureKind.INTERNAL, None]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(kinds, st.integers(1, 3)), min_size=1, max_size=20), st.integers(0, 5 * GIB))
def test_there_are_never_more_executions_than_attempts_and_none_has_less_memory_than_was_too_little(
    ends: list[tuple[FailureKind | None, int]], bytes: int
) -> None:
    """One execution that is started by hand, and those that follow it, each of whose ends is told up to three times."""
    state, attempt, arn = State(), 1, "arn:0"
    too_little: set[int] = set()
    for kind, times in ends:
        state, machine = planned(state, arn, attempt, bytes=bytes)
        rung = LADDER.rung(machine)
        assert rung is not None
        assert all(rung.memory_bytes > memory for memory in too_little)
        if kind is FailureKind.OUT_OF_MEMORY:
            too_little.add(rung.memory_bytes)
        ended = Ended() if kind is None else failed(kind)
        for _ in range(times):
            state = end(state, arn, ended, SETTINGS, NOW)
        if not state.again:
            break
        (again,) = state.again
        assert again == Again(arn, attempt + 1)
        state, attempt, arn = confirm_started(state, again), again.attempt, f"arn:{again.attempt}"

    assert attempt <= SETTINGS.max_attempts
    assert state.planned == {}
