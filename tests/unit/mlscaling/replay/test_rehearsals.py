"""Announced events, rehearsed on a demand of 20 requests per second, on instances that serve 10 and take five minutes to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mlscaling.forecasts.announced import capacity_for
from mlscaling.policies.planned import Event, ForecastFloor, TimesUsual
from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.replay.cases import Case
from mlscaling.replay.demand import Demand
from mlscaling.replay.rehearsals import QUANTILES, Rehearsal, coming, missed, rehearse, rehearse_coming
from tests.unit.mlscaling.playing import FLEET, tracking

START = datetime(2026, 3, 22, tzinfo=UTC)
EVEN = Demand(requests_per_second=np.full(14 * 86_400, 20.0), start=START)
CASE = Case(demand=EVEN, first=START + timedelta(days=5), days=9)
TEN_TIMES = TimesUsual(times=10, requests_per_second=9)
SPOT = Event(name="TV spot", at=CASE.ends + timedelta(days=3, hours=20), capacity=1, minutes=40, demand=TEN_TIMES)
POLICY = tracking(480)


def rehearsed(policy: Scaling = POLICY, event: Event = SPOT, case: Case = CASE, *beside: Event) -> Rehearsal:
    found = rehearse(replace(policy, calendar=(event, *beside)), event, case, FLEET)
    assert found is not None
    return found


def test_an_event_is_rehearsed_at_its_time_of_day_on_each_day() -> None:
    found = rehearsed()

    assert found.times == tuple(CASE.first + timedelta(days=day, hours=20) for day in range(9))
    assert found.requests == pytest.approx(np.full(9, 20 * 10 * 40 * 60), rel=0.02)
    assert found.instances == 23
    assert found.violation_share < 0.001


def test_its_time_of_day_is_that_of_its_own_time_zone() -> None:
    """Clocks in Paris went forward in the night to 29 March 2026."""
    at = datetime(2026, 4, 10, 20, 15, tzinfo=ZoneInfo("Europe/Paris"))

    found = rehearsed(event=replace(SPOT, at=at))

    assert [moment.astimezone(UTC).hour for moment in found.times] == [19, 19, 18, 18, 18, 18, 18, 18, 18]


@pytest.mark.parametrize(("minutes", "hour", "days"), [(1, 20, 9), (720, 11, 9), (60, 23.5, 8)])
def test_all_of_it_has_to_be_within_the_days(minutes: float, hour: float, days: int) -> None:
    """The last one goes on after the midnight at which the days end."""
    event = replace(SPOT, at=CASE.ends + timedelta(hours=hour, seconds=50), minutes=minutes)

    found = rehearsed(event=event)

    assert len(found.times) == days
    assert found.requests == pytest.approx(np.full(days, 200.0 * minutes * 60), rel=0.5 if minutes == 1 else 0.02)


def test_a_maximum_that_is_too_low_is_seen_and_said() -> None:
    found = rehearsed(replace(POLICY, maximum=12))

    assert found.violation_share > 0.3
    event, worst, asked, larger = found.sentence(0.99).split("; ")
    assert event.startswith(
        "'TV spot', 10 times the usual at the 0.9 quantile, had it been at 20:00 UTC on each of 9 days: "
    )
    assert event.endswith("% of its requests wait too long or are rejected, and 1.000% may")
    assert "% on 2026-03-" in worst
    assert asked == "it asks for up to 23 instances"
    assert larger.startswith("at the 0.95 quantile, ")
    assert found.advice(0.99) == "for 'TV spot': raise the maximum from 12 to 23"


def test_a_lead_that_is_shorter_than_the_provisioning_is_seen_and_said() -> None:
    """Asked for a minute before: the first four of forty minutes come too early."""
    found = rehearsed(event=replace(SPOT, lead_minutes=1))

    assert found.violation_share == pytest.approx(0.1, abs=0.05)
    assert found.advice(0.99) == "for 'TV spot': ask for it earlier than 1 minutes before"


def test_an_event_that_counts_on_more_than_an_instance_serves_is_seen_and_said() -> None:
    found = rehearsed(event=replace(SPOT, demand=replace(TEN_TIMES, requests_per_second=20)))

    assert found.violation_share > 0.1
    assert found.advice(0.99) == (
        "for 'TV spot': lower requests_per_second of its demand from 20 to less than 10, which is what an instance serves"
    )


def test_each_day_begins_anew() -> None:
    """A policy that never takes an instance away has them warm for all days but the first, and the event that comes is the first."""
    never_in = Scaling(minimum=3, maximum=60)

    found = rehearsed(never_in, replace(SPOT, lead_minutes=2))

    assert found.sizes[0].violations / found.requests == pytest.approx(np.full(9, 0.08), abs=0.04)


def test_each_day_knows_what_was_known_then() -> None:
    """It rises by ten each day: the days before say too little, the half hour before the event a part of it."""
    rising = replace(EVEN, requests_per_second=np.repeat(np.arange(14) * 10.0 + 20, 86_400))
    case = replace(CASE, demand=rising)

    found = rehearsed(case=case)

    asked = [
        capacity_for(
            case.history,
            at - timedelta(minutes=SPOT.lead_minutes + 15),
            at=at,
            minutes=SPOT.minutes,
            times=10,
            requests_per_second=9,
        )
        for at in found.times
    ]
    assert list(found.sizes[0].instances) == asked


def noisy() -> Case:
    """Between 5 and 40, another rate each hour: what was known of the hour before says nothing."""
    noise = np.random.default_rng(7).uniform(5, 40, 14 * 24)
    return replace(CASE, demand=replace(EVEN, requests_per_second=np.repeat(noise, 3600)))


def test_larger_quantiles_are_played_beside_its_own_and_the_least_that_is_enough_is_told() -> None:
    found = rehearsed(event=replace(SPOT, demand=replace(TEN_TIMES, quantile=0.5)), case=noisy())

    shares = {size.demand.quantile: float(size.violations.sum() / found.requests.sum()) for size in found.sizes}
    assert list(shares) == [0.5, *QUANTILES]
    assert shares[0.5] == found.violation_share > 0.05
    for share in shares.values():
        enough = next((quantile for quantile in QUANTILES if shares[quantile] <= share), QUANTILES[0])
        said = f"at the {enough:g} quantile, {shares[enough]:.3%} at +"
        assert said in found.sentence(1 - share)
    assert found.advice(1 - shares[1.0]).startswith("for 'TV spot': take the ")


def test_above_the_highest_quantile_there_is_none() -> None:
    highest = rehearsed(event=replace(SPOT, demand=replace(TEN_TIMES, quantile=1)))

    assert len(highest.sizes) == 1
    assert highest.sentence(0.99).endswith(f"; it asks for up to {highest.instances} instances")


def test_what_the_calendar_has_beside_it_is_there_too() -> None:
    """Moved to each day with it: 40 instances from half an hour before, and the spot alone would have asked for 4."""
    small = replace(SPOT, demand=replace(TEN_TIMES, requests_per_second=60))
    warm = Event(name="warm", at=SPOT.at - timedelta(minutes=30), capacity=40, minutes=90)

    assert rehearsed(event=small).violation_share > 0.1
    assert rehearsed(POLICY, small, CASE, warm).violation_share < 0.001


def test_a_capacity_above_what_its_demand_takes_is_what_it_asks_for() -> None:
    assert rehearsed(event=replace(SPOT, capacity=40)).instances == 40


def test_a_floor_is_there_in_a_rehearsal_as_on_any_day() -> None:
    small = replace(SPOT, demand=replace(TEN_TIMES, requests_per_second=60))
    floor = ForecastFloor(requests_per_second=0.5, quantile=0.5)

    assert rehearsed(replace(POLICY, floor=floor), small).violation_share < 0.001


def test_days_on_which_another_announced_demand_was_on_at_that_time_are_left_out() -> None:
    over = replace(SPOT, at=CASE.first + timedelta(days=2, hours=20, minutes=30))
    at_noon, season = replace(over, at=over.at - timedelta(hours=8)), replace(over, demand=None, minutes=9000)

    found = rehearsed(POLICY, SPOT, CASE, over, at_noon, season)

    assert len(found.times) == 8
    assert CASE.first + timedelta(days=2, hours=20) not in found.times


def test_only_what_is_to_come_and_can_be_is_rehearsed() -> None:
    over = replace(SPOT, at=CASE.ends - timedelta(days=1))
    fixed, again = replace(SPOT, demand=None), replace(SPOT, at=SPOT.at + timedelta(days=1))
    night = replace(SPOT, at=CASE.ends + timedelta(hours=23, minutes=50))
    policy, one_day = replace(POLICY, calendar=(over, fixed, SPOT, again, night)), replace(CASE, days=1)
    after = replace(policy, calendar=(fixed, night))

    assert [one.event for one in rehearse_coming(policy, CASE, FLEET)] == [SPOT, again, night]
    assert coming(policy, CASE) == (fixed, SPOT, again, night)
    assert rehearse_coming(after, one_day, FLEET) == ()


def test_each_event_has_to_be_served() -> None:
    served, lost = rehearsed(), rehearsed(replace(POLICY, maximum=12))

    assert missed([served, lost], Objective()) == (lost,)
    assert missed([served, lost], Objective(served_share_in_events=0)) == ()
