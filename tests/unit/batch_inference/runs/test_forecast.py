"""Forecasts and deadlines, across clock changes, too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runs.forecast import deadline_after, expected_seconds, finish, forecasts
from runs.settings import Deadline
from runs.state import ActiveRun, Because, EndedRun, State, Status

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def ended(
    seconds: float, *, input_bytes: int | None = None, attempts: int = 1, status: Status = Status.PUBLISHED
) -> EndedRun:
    return EndedRun("r", status, attempts, seconds, NOW, Because.SCHEDULE, NOW, input_bytes)


def active(because: Because = Because.SCHEDULE, input_bytes: int | None = None) -> ActiveRun:
    return ActiveRun(1, 1, 1, NOW, because, NOW, NOW, input_bytes=input_bytes)


def test_the_median_of_runs_without_trouble_is_expected() -> None:
    recent = [ended(100), ended(120), ended(5000, attempts=3), ended(110), ended(1, status=Status.FAILED)]
    assert expected_seconds(recent, None) == 110
    assert expected_seconds([ended(5000, attempts=3)], None) == 5000
    assert expected_seconds([], None) == 0.0


def test_twice_the_bytes_take_twice_as_long() -> None:
    recent = [ended(100, input_bytes=10), ended(200, input_bytes=20)]
    assert expected_seconds(recent, 40) == 400
    assert expected_seconds(recent, None) == 150


def test_a_run_that_takes_longer_than_expected_ends_now_at_the_earliest() -> None:
    assert finish(active(), [ended(100)], NOW) == NOW + timedelta(seconds=100)
    later = NOW + timedelta(hours=1)
    assert finish(active(), [ended(100)], later) == later


@pytest.mark.parametrize(
    ("scheduled", "time", "zone", "deadline"),
    [
        ("2026-11-24T18:00+00:00", "06:00", "Asia/Tokyo", "2026-11-24T21:00+00:00"),
        ("2026-11-24T21:00+00:00", "06:00", "Asia/Tokyo", "2026-11-25T21:00+00:00"),
        # Spring forward: 02:30 does not exist on March 8th; it is 03:30 daylight time.
        ("2026-03-08T05:00+00:00", "02:30", "America/New_York", "2026-03-08T07:30+00:00"),
        ("2026-03-08T05:00+00:00", "06:00", "America/New_York", "2026-03-08T10:00+00:00"),
        ("2026-03-07T05:00+00:00", "06:00", "America/New_York", "2026-03-07T11:00+00:00"),
        # Fall back: 01:30 comes twice on November 1st; the first counts, and after it the next day's.
        ("2026-11-01T04:00+00:00", "01:30", "America/New_York", "2026-11-01T05:30+00:00"),
        ("2026-11-01T06:00+00:00", "01:30", "America/New_York", "2026-11-02T06:30+00:00"),
    ],
)
def test_the_deadline_is_the_next_such_time_on_the_zones_clocks(
    scheduled: str, time: str, zone: str, deadline: str
) -> None:
    found = deadline_after(datetime.fromisoformat(scheduled), Deadline(time, zone))
    assert found == datetime.fromisoformat(deadline)


def test_a_run_that_will_be_late_is_known_early_and_backfill_never_is() -> None:
    state = State(created_at=NOW, recent=(ended(3 * 3600),)).with_active("r", active())
    state = state.with_active("old", active(Because.BACKFILL))
    (forecast,) = forecasts(state, Deadline("10:00", "UTC"), NOW + timedelta(minutes=1))
    assert (forecast.run_id, forecast.late_seconds) == ("r", 3600.0)
    (forecast,) = forecasts(state, Deadline("12:00", "UTC"), NOW)
    assert forecast.late_seconds == 0.0
