"""The floor of the forecast and of the calendar: what is known before, never over the maximum, and it expires."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlscaling.forecast import (
    History,
    InvalidHistoryError,
    best_seen,
    capacity_for,
    floor_plan,
    forecast,
    minimums,
)
from mlscaling.planned import Event, ForecastFloor, Season
from mlscaling.policies import Scaling

START = datetime(2026, 3, 2, tzinfo=UTC)  # A Monday.
HOUR = 3600


def hourly(days: list[list[float]]) -> History:
    """Requests per second in each hour."""
    return History(start=START, interval_seconds=HOUR, counts=tuple(rate * HOUR for day in days for rate in day))


def flat_with_peak(peak: float) -> list[float]:
    """10 requests per second, and more from noon to one."""
    return [peak if hour == 12 else 10.0 for hour in range(24)]


def floor(
    quantile: float = 0.5, *, season: Season = Season.DAY, periods: int = 7, lead_minutes: float = 0
) -> ForecastFloor:
    return ForecastFloor(
        requests_per_second=10, quantile=quantile, season=season, periods=periods, lead_minutes=lead_minutes
    )


def test_the_median_is_not_moved_by_a_day_out_of_the_ordinary() -> None:
    history = hourly([flat_with_peak(peak) for peak in (50, 52, 48, 500, 51, 49, 50)])

    rates = forecast(history, floor(), START + timedelta(days=7), 24)

    assert (rates[11], rates[12], rates[13]) == (10, 50, 10)


def test_a_high_quantile_is_ready_for_it() -> None:
    history = hourly([flat_with_peak(peak) for peak in (50, 52, 48, 500, 51, 49, 50)])

    assert forecast(history, floor(1), START + timedelta(days=7), 24)[12] == 500


def test_a_season_of_weeks_looks_at_the_same_weekday() -> None:
    weeks = [[flat_with_peak(80 if day == 2 else 20) for day in range(7)] for _ in range(3)]
    history = hourly([day for week in weeks for day in week])
    tuesday, wednesday = (START + timedelta(days=21 + day) for day in (1, 2))

    assert forecast(history, floor(season=Season.WEEK, periods=3), tuesday, 24)[12] == 20
    assert forecast(history, floor(season=Season.WEEK, periods=3), wednesday, 24)[12] == 80


def test_nothing_that_comes_after_is_looked_at() -> None:
    days = [flat_with_peak(50)] * 7
    known, longer = hourly(days), hourly([*days, flat_with_peak(900), flat_with_peak(900)])

    assert forecast(known, floor(1), START + timedelta(days=7), 24) == forecast(
        longer, floor(1), START + timedelta(days=7), 24
    )


def test_hours_that_nobody_counted_are_left_out_and_without_any_there_is_no_floor() -> None:
    history = hourly([flat_with_peak(math.nan), flat_with_peak(50)])
    policy = Scaling(minimum=2, maximum=10, floor=floor())

    assert forecast(history, floor(), START + timedelta(days=2), 24)[12] == 50
    assert set(minimums(policy, hourly([[]]), START, 60)) == {2}


def test_the_floor_rises_before_the_forecast_does_and_stays_under_the_maximum() -> None:
    history = hourly([flat_with_peak(peak) for peak in (50, 500)])
    policy = Scaling(minimum=1, maximum=20, floor=floor(1, periods=2, lead_minutes=7))

    day = minimums(policy, history, START + timedelta(days=2), 1440)

    assert (day[12 * 60 - 8], day[12 * 60 - 7], day[13 * 60 - 1], day[13 * 60]) == (1, 20, 20, 1)


def test_an_event_raises_the_floor_before_it_begins_and_expires() -> None:
    spot = Event(name="TV spot", at=START.replace(hour=20), capacity=30, minutes=45, lead_minutes=15)

    day = minimums(Scaling(maximum=40, calendar=(spot,)), None, START, 1440)

    assert [minute for minute in range(1, 1440) if day[minute] != day[minute - 1]] == [19 * 60 + 45, 20 * 60 + 45]
    assert max(day) == 30


def test_floors_are_changes_at_times_and_they_expire() -> None:
    history = hourly([flat_with_peak(50)] * 2)
    policy = Scaling(minimum=1, maximum=20, floor=floor(periods=2))
    eleven = START + timedelta(days=2, hours=11)

    plan = floor_plan(policy, history, eleven, 90)

    assert plan.changes == ((eleven, 1), (eleven + timedelta(minutes=60), 5))
    assert plan.expires == (eleven + timedelta(minutes=90), 1)


def test_a_floor_that_is_over_leaves_an_event_that_is_on_its_capacity() -> None:
    noon = START + timedelta(days=2, hours=12)
    spot = Event(name="TV spot", at=noon, capacity=7, minutes=600, lead_minutes=0)
    policy = Scaling(maximum=20, floor=floor(periods=2), calendar=(spot,))

    plan = floor_plan(policy, hourly([flat_with_peak(50)] * 2), noon - timedelta(hours=1), 180)

    assert plan.expires == (noon + timedelta(hours=2), 7)


def test_what_the_calendar_changes_is_corrected_a_minute_later() -> None:
    """At noon the forecast wants 5, the calendar sets 3, and nobody knows the order of two actions at one time."""
    noon = START + timedelta(days=2, hours=12)
    spot = Event(name="TV spot", at=noon, capacity=3, minutes=30, lead_minutes=0)
    policy = Scaling(maximum=20, floor=floor(periods=2), calendar=(spot,))

    plan = floor_plan(policy, hourly([flat_with_peak(50)] * 2), noon - timedelta(minutes=30), 90)

    assert plan.changes == (
        (noon - timedelta(minutes=30), 1),
        (noon + timedelta(minutes=1), 5),
        (noon + timedelta(minutes=31), 5),
    )
    assert plan.expires == (noon + timedelta(minutes=60), 1)


def test_the_last_hours_count_as_much_as_the_days_before_them() -> None:
    """On a day with ten times the demand, the median of two days of 10 and two hours of 100 is in between."""
    history = hourly([[10.0] * 24, [10.0] * 24, [100.0] * 6])
    six = START + timedelta(days=2, hours=6)
    usual = floor(periods=2)

    assert forecast(history, usual, six, 1) == (10,)
    assert forecast(history, replace(usual, recent_hours=1), six, 1) == (55,)


def test_the_best_look_at_the_past_is_that_which_was_right_lately() -> None:
    weekly = hourly([flat_with_peak(200 if day % 7 == 5 else 20) for day in range(42)])
    daily = hourly([flat_with_peak(50) for _ in range(42)])
    now = START + timedelta(days=42)

    assert best_seen(weekly, now, quantile=0.9).season is Season.WEEK
    assert best_seen(daily, now, quantile=0.9).season is Season.DAY


def test_the_capacity_for_a_spot_is_a_multiple_of_the_usual_demand_around_it() -> None:
    history = hourly([flat_with_peak(20)] * 8)
    noon = START + timedelta(days=7, hours=12)

    capacity = capacity_for(history, noon.replace(hour=0), at=noon, minutes=30, times=10, requests_per_second=8)

    assert capacity == 25


def test_a_file_of_times_and_counts_is_read_whatever_its_order_and_gaps(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(
        "timestamp,value\n2026-03-02 00:20:00,4\n2026-03-02 00:00:00,1\n2026-03-02 00:05:00,2\n2026-03-02 00:10:00,3\n"
    )

    history = History.read_csv(path)

    assert (history.start, history.interval_seconds) == (START, 300)
    assert history.counts[:3] == (1, 2, 3)
    assert math.isnan(history.counts[3])
    assert history.counts[4] == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timestamp,value\n2026-03-02,1\n", "the history has 1 counts; give at least 2"),
        ("timestamp,value\nyesterday,1\n", "line 2 of .* is 'yesterday,1'; give a time and a count, such as"),
        (
            "t,v\n2026-03-02T00:00:00,1\n2026-03-02T00:00:07,1\n",
            "counts are 7 seconds apart; use an interval that divides a day",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(text)

    with pytest.raises(InvalidHistoryError, match=problem):
        History.read_csv(path)
