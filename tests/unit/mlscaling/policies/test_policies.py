"""Policies that cannot be say so, all problems at once."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mlscaling.policies.planned import Event, ForecastFloor, Season, TimesUsual
from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.reactive import WAKE_FROM_ZERO, Signal, Step, StepIn, StepScaleIn, StepScaling, TargetTracking
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.fleet import Fleet, Provisioning
from mlscaling.search.reasons import describe


def test_all_problems_of_a_policy_are_told_at_once() -> None:
    spot = Event(name="TV spot", at=datetime(2026, 3, 1, 20, tzinfo=UTC), capacity=30)

    with pytest.raises(InvalidScalingError) as raised:
        Scaling(minimum=0, maximum=2, calendar=(spot,))

    assert str(raised.value) == (
        "event 'TV spot' has 30 instances; use 1 to the maximum, 2; "
        "the minimum is 0, and nothing scales from there; add WAKE_FROM_ZERO to the steps, for an asynchronous "
        "endpoint WAKE_FROM_BACKLOG"
    )


def test_capacities_are_whole_numbers_and_the_maximum_is_not_below_the_minimum() -> None:
    with pytest.raises(InvalidScalingError) as raised:
        Scaling(minimum=-1, maximum=2.5)  # type: ignore[arg-type]

    problems = "minimum is -1; use a whole number, 0 or more; maximum is 2.5; use a whole number, 1 or more"
    assert str(raised.value) == problems
    for capacity in (1.5, True, np.int64(3), "3", 0):
        with pytest.raises(
            InvalidScalingError, match=f"capacity of event 'x' is {re.escape(repr(capacity))}; use a whole"
        ):
            Event(name="x", at=datetime(2026, 3, 1, tzinfo=UTC), capacity=capacity)  # type: ignore[arg-type]
    with pytest.raises(
        InvalidScalingError, match="the minimum is 5, and the maximum 3; use a maximum that is not below"
    ):
        Scaling(minimum=5, maximum=3)


def test_what_is_counted_is_a_whole_number() -> None:
    step, half = Step(at_least=1, add=1), 0.5
    with pytest.raises(InvalidScalingError, match=r"datapoints is 0.5; use.*cooldown_seconds is 0.5; use a whole"):
        StepScaling(steps=(step,), datapoints=half, cooldown_seconds=half)  # type: ignore[arg-type]
    with pytest.raises(InvalidScalingError, match=r"remove_percent is 0.5; use a whole"):
        StepScaleIn(steps=(StepIn(at_most=1, remove_percent=half),))  # type: ignore[arg-type]
    with pytest.raises(InvalidScalingError, match=r"periods is 0.5; use a whole number, 1 or more"):
        ForecastFloor(requests_per_second=1, quantile=1, periods=half)  # type: ignore[arg-type]


def test_a_minimum_of_zero_is_fine_with_a_way_back() -> None:
    assert Scaling(minimum=0, maximum=1, steps=(WAKE_FROM_ZERO,)).minimum == 0
    with pytest.raises(
        InvalidScalingError, match=r"INVOCATIONS does not go there: .*; use TargetTracking\(target=2, signal"
    ):
        Scaling(minimum=0, maximum=1, target=TargetTracking(target=600), steps=(WAKE_FROM_ZERO,))


def test_steps_are_in_order_and_positive() -> None:
    with pytest.raises(
        InvalidScalingError, match=r"steps begin at \[2, 1\].*add is 0; use more than 0.*datapoints is 0"
    ):
        StepScaling(steps=(Step(at_least=2, add=0), Step(at_least=1, add=10)), datapoints=0)


def test_a_target_is_positive_and_of_a_predefined_metric() -> None:
    with pytest.raises(
        InvalidScalingError, match=r"target is -1.*scale_in_cooldown_seconds is -1.*InvocationsPerInstance"
    ):
        TargetTracking(target=-1, signal=Signal.FAST_INVOCATIONS, scale_in_cooldown_seconds=-1)


def test_a_target_of_a_share_is_a_share() -> None:
    with pytest.raises(
        InvalidScalingError, match="target is 70, and PROVISIONED_CONCURRENCY is a share; use up to 1, such"
    ):
        TargetTracking(target=70, signal=Signal.PROVISIONED_CONCURRENCY)


def test_steps_do_not_watch_what_only_a_target_follows() -> None:
    with pytest.raises(InvalidScalingError, match="steps watch PROVISIONED_CONCURRENCY, and warm containers"):
        StepScaling(steps=(Step(at_least=0.7, add=10),), signal=Signal.PROVISIONED_CONCURRENCY)


def test_a_forecast_has_a_quantile() -> None:
    with pytest.raises(InvalidScalingError, match="quantile is 95; use 0 to 1"):
        ForecastFloor(requests_per_second=8, quantile=95)


def test_two_step_policies_watch_two_signals() -> None:
    with pytest.raises(InvalidScalingError, match="the steps watch NO_CAPACITY, NO_CAPACITY; let each policy watch"):
        Scaling(maximum=2, steps=(WAKE_FROM_ZERO, WAKE_FROM_ZERO))


def test_an_event_is_asked_for_before_it_begins_and_expires() -> None:
    spot = Event(name="TV spot", at=datetime(2026, 3, 1, 20, tzinfo=UTC), capacity=30, minutes=45, lead_minutes=12)

    assert (spot.begins, spot.ends) == (
        datetime(2026, 3, 1, 19, 48, tzinfo=UTC),
        datetime(2026, 3, 1, 20, 45, tzinfo=UTC),
    )


def test_an_event_is_asked_for_so_many_minutes_before_it_though_the_clock_changes_meanwhile() -> None:
    """At ten past three in Berlin on the 29th of March, an hour ago was ten past one."""
    spot = Event(name="TV spot", at=datetime(2026, 3, 29, 3, 10, tzinfo=ZoneInfo("Europe/Berlin")), capacity=3)

    assert spot.begins == datetime(2026, 3, 29, 0, 55, tzinfo=UTC)


def test_times_of_an_event_and_a_forecast_are_not_negative() -> None:
    with pytest.raises(InvalidScalingError, match=r"minutes of event 'x' is 0; use 1.*lead_minutes of event 'x' is -1"):
        Event(name="x", at=datetime(2026, 3, 1, tzinfo=UTC), capacity=3, minutes=0, lead_minutes=-1)
    with pytest.raises(InvalidScalingError, match=r"around_minutes is -1; use 0.*lead_minutes is -5"):
        ForecastFloor(requests_per_second=8, quantile=0.9, around_minutes=-1, lead_minutes=-5)


def test_a_step_adds_whole_instances_or_percent() -> None:
    with pytest.raises(InvalidScalingError, match=r"add is 12.5; use a whole number"):
        StepScaling(steps=(Step(at_least=1, add=12.5),))


def test_a_forecast_says_how_many_days_it_looks_at() -> None:
    week = ForecastFloor(requests_per_second=8, quantile=0.9, season=Season.WEEK, periods=4, around_minutes=60)

    assert (ForecastFloor(requests_per_second=8, quantile=0.9, around_minutes=0).days_seen, week.days_seen) == (7, 29)
    assert replace(week, periods=1, recent_hours=193).days_seen == 9


def test_an_event_of_times_the_usual_takes_half_a_day_at_most_and_more_than_nothing() -> None:
    with pytest.raises(InvalidScalingError, match=r"times is 0; use more.*requests_per_second is -1.*quantile is 9"):
        TimesUsual(times=0, requests_per_second=-1, quantile=9)
    demand = TimesUsual(times=3, requests_per_second=8)
    with pytest.raises(InvalidScalingError, match="takes 721 minutes; use 720 or fewer, or several events"):
        Event(name="sale", at=datetime(2026, 3, 1, 20, tzinfo=UTC), capacity=3, minutes=721, demand=demand)


def test_a_policy_on_a_line_says_what_an_event_has() -> None:
    fleet = Fleet(requests_per_second=10, provisioning=Provisioning.fixed(300), concurrency=4)
    spot = Event(name="TV spot", at=datetime(2026, 3, 1, 20, tzinfo=UTC), capacity=30)
    usual = replace(spot, demand=TimesUsual(times=10, requests_per_second=8))

    assert describe(Scaling(maximum=40, calendar=(spot, usual)), fleet).endswith(
        "30 instances for 'TV spot' from 2026-03-01 19:45 on, "
        "30 instances or as many as 10 times the usual takes at the 0.9 quantile for 'TV spot' from 2026-03-01 19:45 on"
    )


@pytest.mark.parametrize(
    ("signal", "target", "steps"),
    [
        (
            Signal.INVOCATIONS,
            "target 5 invocations a minute and instance (1% of what one instance serves)",
            "steps from 5 in 60 seconds on, after 1 values",
        ),
        (
            Signal.CONCURRENT_REQUESTS,
            "target 5 requests at once at each instance",
            "steps from 5 at once on, after 1 values",
        ),
        (
            Signal.BACKLOG_PER_INSTANCE,
            "target 5 requests waiting for each instance",
            "steps from 5 waiting for each instance on, after 1 values",
        ),
    ],
)
def test_a_policy_on_a_line_says_what_is_counted(signal: Signal, target: str, steps: str) -> None:
    fleet = Fleet(requests_per_second=10, provisioning=Provisioning.fixed(300), concurrency=4)
    policy = Scaling(
        maximum=4,
        target=TargetTracking(target=5, signal=signal),
        steps=(StepScaling(steps=(Step(at_least=5, add=100),), signal=signal),),
    )

    assert describe(policy, fleet) == f"1-4 instances, {target}, {steps}"


def test_a_calendar_may_be_a_list() -> None:
    spot = Event(name="TV spot", at=datetime(2026, 3, 1, 20, tzinfo=UTC), capacity=30)
    listed = Scaling(maximum=40, calendar=[spot])  # type: ignore[arg-type]

    assert hash(listed) == hash(Scaling(maximum=40, calendar=(spot,)))


def test_an_event_without_a_time_zone_is_refused() -> None:
    with pytest.raises(InvalidScalingError, match=r"give a time with its zone, such as 2026-03-01T20:00:00\+00:00"):
        Event(name="TV spot", at=datetime(2026, 3, 1, 20), capacity=3)


@pytest.mark.parametrize("at", ["2026-12-24T20:15+00:00", date(2026, 12, 24)])
def test_an_event_is_at_a_datetime(at: Any) -> None:
    problems = (
        rf"capacity of event 'x' is 0; use.*; event 'x' is at {re.escape(repr(at))}; give a datetime with its zone"
    )
    with pytest.raises(InvalidScalingError, match=problems):
        Event(name="x", at=at, capacity=0)


@pytest.mark.parametrize(
    ("at", "minutes"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), 60),
        (datetime(1, 1, 2, tzinfo=timezone(timedelta(hours=23))), 60),
        (datetime(26, 12, 24, tzinfo=UTC), 60),
        (datetime(9999, 12, 31, 23, 30, tzinfo=UTC), 60),
        (datetime(2026, 12, 24, tzinfo=UTC), 1e12),
        (datetime(2026, 12, 24, tzinfo=UTC), 1e300),
    ],
)
def test_an_event_is_at_a_time_that_can_be(at: datetime, minutes: float) -> None:
    with pytest.raises(
        InvalidScalingError, match=r"event 'x' is from 15 minutes before .*; use times of the years 1970 to 9"
    ):
        Event(name="x", at=at, capacity=3, minutes=minutes)


def test_lists_are_kept_as_tuples_and_what_is_no_list_of_such_is_refused() -> None:
    step = Step(at_least=1, add=1)
    assert StepScaling(steps=[step]).steps == (step,)  # type: ignore[arg-type]
    with pytest.raises(InvalidScalingError) as raised:
        Scaling(maximum=0, steps=WAKE_FROM_ZERO, calendar="soon")  # type: ignore[arg-type]

    assert str(raised.value) == (
        "steps is one StepScaling; put it into a tuple: steps=(...,); calendar is 'soon'; give a tuple of Event; "
        "maximum is 0; use a whole number, 1 or more"
    )
    with pytest.raises(InvalidScalingError, match=r"^steps is one StepScaling; put it into a tuple: steps=\(...,\)$"):
        Scaling(minimum=0, maximum=2, steps=WAKE_FROM_ZERO)  # type: ignore[arg-type]
    with pytest.raises(InvalidScalingError, match=r"^steps is one Step; put it into a tuple.*; datapoints is 0"):
        StepScaling(steps=step, datapoints=0)  # type: ignore[arg-type]
    with pytest.raises(InvalidScalingError, match=r"^steps is None; give a tuple of StepIn$"):
        StepScaleIn(steps=None)  # type: ignore[arg-type]


def test_steps_that_scale_in_are_in_order_and_leave_somebody() -> None:
    steps = (StepIn(at_most=100, remove_percent=100), StepIn(at_most=200, remove_percent=50))
    problems = r"begin at \[100, 200\]; give each.*remove_percent is 100; use a whole number, 1 to 99.*watches NO_CAPACITY.*datapoints is 0"
    with pytest.raises(InvalidScalingError, match=problems):
        StepScaleIn(steps=steps, signal=Signal.NO_CAPACITY, datapoints=0)


def test_what_scales_in_does_not_leave_more_than_what_is_scaled_out_from() -> None:
    scale_in = StepScaleIn(steps=(StepIn(at_most=200, remove_percent=50), StepIn(at_most=100, remove_percent=60)))

    with pytest.raises(
        InvalidScalingError, match="removing 50% at 200 leaves the others 400 of INVOCATIONS, and from 300 on"
    ):
        Scaling(maximum=9, target=TargetTracking(target=300), scale_in=scale_in)
    assert Scaling(maximum=9, target=TargetTracking(target=400), scale_in=scale_in).scale_in is scale_in
