"""The forecast of the past: what it is moved by, and what it never looks at."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

from mlscaling.forecasts.floors import minimums
from mlscaling.forecasts.quantile import forecast
from mlscaling.policies.planned import Season
from mlscaling.policies.scaling import Scaling
from tests.unit.mlscaling.demand_days import START, flat_with_peak, floor, hourly


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


def test_the_last_hours_count_as_much_as_the_days_before_them() -> None:
    """On a day with ten times the demand, the median of two days of 10 and two hours of 100 is in between."""
    history = hourly([[10.0] * 24, [10.0] * 24, [100.0] * 6])
    six = START + timedelta(days=2, hours=6)
    usual = floor(periods=2)

    assert forecast(history, usual, six, 1) == (10,)
    assert forecast(history, replace(usual, recent_hours=1), six, 1) == (55,)
