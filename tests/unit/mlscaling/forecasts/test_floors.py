"""The floor of the forecast and of the calendar: what is known before, never over the maximum, and it expires."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mlscaling.forecasts.floors import floor_plan, minimums
from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.scaling import Scaling
from tests.unit.mlscaling.demand_days import START, flat_with_peak, floor, hourly


def test_the_floor_rises_before_the_forecast_does_and_stays_under_the_maximum() -> None:
    history = hourly([flat_with_peak(peak) for peak in (50, 500)])
    policy = Scaling(minimum=1, maximum=20, floor=floor(1, periods=2, lead_minutes=7))

    day = minimums(policy, history, START + timedelta(days=2), 1440)

    assert (day[12 * 60 - 8], day[12 * 60 - 7], day[13 * 60 - 1], day[13 * 60]) == (1, 20, 20, 1)


def test_a_replay_sees_no_more_than_the_days_that_a_function_reads() -> None:
    """The function asks CloudWatch for `days_seen`, and the replay has all of them: here, a peak three days ago."""
    history = hourly([flat_with_peak(peak) for peak in (500, 50, 50)])
    looks = replace(floor(1, periods=1), recent_hours=72)
    read = replace(
        history,
        start=START + timedelta(days=3 - looks.days_seen),
        counts=history.counts[-24 * looks.days_seen :],
    )

    by_all, by_read = (
        minimums(Scaling(maximum=60, floor=looks), one, START + timedelta(days=3), 60) for one in (history, read)
    )
    assert by_all == by_read == [50] * 60


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


ELEVEN = START + timedelta(days=10, hours=11)
SPOT = Event(
    name="TV spot",
    at=ELEVEN + timedelta(hours=1),
    capacity=4,
    minutes=60,
    lead_minutes=15,
    demand=TimesUsual(times=10, requests_per_second=10),
)


def test_an_event_takes_what_so_many_times_the_usual_does_and_never_more_than_the_maximum() -> None:
    history = hourly([flat_with_peak(20)] * 11)

    plenty = minimums(Scaling(maximum=100, calendar=(SPOT,)), history, ELEVEN, 180)
    bounded = minimums(Scaling(maximum=12, calendar=(SPOT,)), history, ELEVEN, 180)

    assert [plenty[minute] for minute in (44, 45, 119, 120)] == [1, 20, 20, 1]
    assert max(bounded) == 12


def test_an_event_has_its_capacity_where_nothing_is_known_of_the_demand_or_it_is_low() -> None:
    policy = Scaling(maximum=100, calendar=(SPOT,))

    assert max(minimums(policy, None, ELEVEN, 180)) == 4
    assert max(minimums(policy, hourly([[1.0] * 24] * 10), ELEVEN, 180)) == 4


def test_the_demand_of_an_event_is_not_taken_for_the_usual() -> None:
    """A floor at the highest of the last days has what there was without the spot of yesterday."""
    history = hourly([*[flat_with_peak(20)] * 9, flat_with_peak(2000)])
    yesterday = replace(SPOT, at=SPOT.at - timedelta(days=1), minutes=59, lead_minutes=0)
    policy = Scaling(maximum=1000, floor=floor(1))

    assert max(minimums(policy, history, ELEVEN, 180)) == 200
    assert max(minimums(replace(policy, calendar=(yesterday,)), history, ELEVEN, 180)) == 2


def test_an_event_is_worked_out_alike_before_it_begins_and_while_it_is_on() -> None:
    """By what was known a quarter of an hour before it begins: the spike itself is no part of that."""
    quiet = hourly([flat_with_peak(20)] * 11)
    spiked = replace(quiet, counts=(*quiet.counts[:-12], 720_000.0, *quiet.counts[-11:]))
    policy = Scaling(maximum=100, calendar=(SPOT,))

    before = minimums(policy, quiet.until(ELEVEN), ELEVEN, 180)
    during = minimums(policy, spiked, ELEVEN + timedelta(minutes=90), 90)

    assert during == before[90:]
