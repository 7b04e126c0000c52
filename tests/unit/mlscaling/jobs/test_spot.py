"""Until when a job may wait for spot capacity: by what earlier executions took, and by nothing that could make it too late."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from mlscaling.jobs.spot import MARGIN, SLOWER, Finish, is_to_move, spot_until

READY_BY = datetime(2026, 11, 30, 6, tzinfo=UTC)
SEEDS = 5


def until(*finishes: Finish, bytes: int = 1000, prepare_seconds: float = 0) -> datetime:
    return spot_until(
        READY_BY, finishes, bytes=bytes, prepare_seconds=prepare_seconds, max_runtime_seconds=timedelta(hours=2).seconds
    )


def test_before_anything_is_known_a_job_may_take_as_long_as_it_may_run() -> None:
    assert until(prepare_seconds=300) == READY_BY - MARGIN - timedelta(hours=2, minutes=5)


def test_what_is_known_is_carried_over_to_more_input_and_not_to_less() -> None:
    finish = Finish(1000, 600)
    as_before = READY_BY - MARGIN - timedelta(seconds=SLOWER * 600)

    assert until(finish) == until(finish, bytes=10) == as_before
    assert until(finish, bytes=3000) == as_before - timedelta(seconds=SLOWER * 1200)
    assert until(finish, bytes=10**15) == READY_BY - MARGIN - SLOWER * timedelta(hours=2)


def test_a_job_that_runs_is_never_taken_from_its_machine() -> None:
    assert is_to_move(READY_BY, READY_BY, has_machine=False)
    assert not is_to_move(READY_BY, READY_BY + timedelta(hours=1), has_machine=True)
    assert not is_to_move(READY_BY, READY_BY - timedelta(seconds=1), has_machine=False)


@pytest.mark.parametrize("number", range(SEEDS))
def test_a_job_that_moves_at_the_last_moment_is_ready_in_time_if_it_is_like_one_before(number: int) -> None:
    """Whatever is known, if time grows no faster than input, the job takes what it may, and instances come within the margin."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(500):
        seconds_per_byte = draw.uniform(0.001, 0.07)
        finishes = [Finish(bytes, bytes * seconds_per_byte) for bytes in draw.choices(range(1, 10_000), k=20)]
        bytes, prepare = draw.randrange(1, 100_000), draw.uniform(0, 3600)
        last = until(*finishes, bytes=bytes, prepare_seconds=prepare)

        done = last + timedelta(seconds=draw.uniform(0, MARGIN.total_seconds()) + prepare + bytes * seconds_per_byte)

        assert done <= READY_BY, f"seed {seed}"
        assert until(*finishes, Finish(1, 1e6), bytes=bytes, prepare_seconds=prepare) <= last, f"seed {seed}"
