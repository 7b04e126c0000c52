"""Announced events, rehearsed on a demand of 20 requests per second, on instances that serve 10 and take five minutes to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mlscaling.forecasts.announced import capacity_for
from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.cases import Case
from mlscaling.replay.demand import Demand
from mlscaling.replay.rehearsals import Rehearsal, coming, rehearse
from tests.unit.mlscaling.playing import FLEET, tracking

START = datetime(2026, 3, 22, tzinfo=UTC)
EVEN = Demand(requests_per_second=np.full(14 * 86_400, 20.0), start=START)
CASE = Case(demand=EVEN, first=START + timedelta(days=5), days=9)
TEN_TIMES = TimesUsual(times=10, requests_per_second=9)
SPOT = Event(name="TV spot", at=CASE.ends + timedelta(days=3, hours=20), capacity=1, minutes=40, demand=TEN_TIMES)
POLICY = replace(tracking(480), calendar=(SPOT,))


def rehearsed(policy: Scaling, event: Event = SPOT, case: Case = CASE) -> Rehearsal:
    (found,) = rehearse(replace(policy, calendar=(event,)), event, [TEN_TIMES], case, FLEET)
    return found


def test_an_event_is_rehearsed_at_its_time_of_day_on_each_day() -> None:
    found = rehearsed(POLICY)

    assert found.times == tuple(CASE.first + timedelta(days=day, hours=20) for day in range(9))
    assert found.requests == pytest.approx(np.full(9, 20 * 10 * 40 * 60), rel=0.02)
    assert found.instances == 23
    assert found.violation_share < 0.001


def test_its_time_of_day_is_that_of_its_own_time_zone() -> None:
    """Clocks in Paris went forward in the night to 29 March 2026."""
    at = datetime(2026, 4, 10, 20, 15, tzinfo=ZoneInfo("Europe/Paris"))

    found = rehearsed(POLICY, replace(SPOT, at=at))

    hours = [moment.astimezone(UTC).hour for moment in found.times]
    assert hours == [19, 19, 18, 18, 18, 18, 18, 18, 18]


def test_a_maximum_that_is_too_low_is_seen_and_said() -> None:
    found = rehearsed(replace(POLICY, maximum=12))

    assert found.violation_share > 0.3
    assert found.sentence(0.99).startswith(
        "'TV spot', 10 times the usual at the 0.9 quantile, had it been at 20:00 UTC on each of 9 days: "
    )
    assert "of its requests wait too long or are rejected, and 1.000% may; " in found.sentence(0.99)
    assert found.sentence(0.99).endswith("; it asks for up to 23 instances, and the maximum is 12")


def test_a_lead_that_is_shorter_than_the_provisioning_is_seen() -> None:
    """Asked for a minute before: the first four of forty minutes come too early."""
    assert rehearsed(POLICY, replace(SPOT, lead_minutes=1)).violation_share == pytest.approx(0.1, abs=0.05)


def test_each_day_knows_what_was_known_then() -> None:
    """It rises by ten each day: the days before say too little, the half hour before the event a part of it."""
    demand = replace(EVEN, requests_per_second=np.repeat(np.arange(14) * 10.0 + 20, 86_400))
    case = replace(CASE, demand=demand)

    found = rehearsed(POLICY, case=case)

    known = case.history
    last = capacity_for(
        known,
        found.times[-1] - timedelta(minutes=SPOT.lead_minutes + 15),
        at=found.times[-1],
        minutes=SPOT.minutes,
        times=10,
        requests_per_second=9,
    )
    assert found.instances == last
    assert found.violations[-1] > 0


def test_larger_sizes_are_played_beside_it() -> None:
    noise = np.random.default_rng(7).uniform(5, 40, 14 * 24)
    case = replace(CASE, demand=replace(EVEN, requests_per_second=np.repeat(noise, 3600)))

    small, large = rehearse(POLICY, SPOT, [replace(TEN_TIMES, quantile=one) for one in (0.5, 1.0)], case, FLEET)

    assert small.instances < large.instances
    assert small.violation_share > large.violation_share
    assert small.instance_hours < large.instance_hours
    assert small.safe_violation_share > small.violation_share


def test_days_with_an_event_of_their_own_are_left_out() -> None:
    other = Event(name="launch", at=CASE.first + timedelta(days=2, hours=20, minutes=30), capacity=5)
    policy = replace(POLICY, calendar=(SPOT, other))

    (found,) = rehearse(policy, SPOT, [TEN_TIMES], CASE, FLEET)

    assert len(found.times) == 8
    assert CASE.first + timedelta(days=2, hours=20) not in found.times


def test_only_what_is_to_come_and_has_a_demand_is_rehearsed() -> None:
    over = replace(SPOT, at=CASE.first + timedelta(days=1))
    fixed = replace(SPOT, demand=None)

    assert coming(replace(POLICY, calendar=(over, fixed, SPOT)), CASE) == [(SPOT, TEN_TIMES)]


def test_an_event_that_no_day_has_room_for_is_refused() -> None:
    night = replace(SPOT, at=CASE.ends + timedelta(hours=23, minutes=50))

    with pytest.raises(InvalidScalingError, match=r"'TV spot' cannot be rehearsed: none of the 1 days .* more days"):
        rehearsed(POLICY, night, replace(CASE, days=1))
