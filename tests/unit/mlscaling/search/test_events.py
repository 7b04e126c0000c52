"""How large events are made, on demands that are usual and on such as are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.reactive import TargetTracking
from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.proof import ObjectiveMissedError, prove
from mlscaling.replay.cases import Case
from mlscaling.replay.demand import Demand
from mlscaling.search.events import QUANTILES, size_events, with_sizes
from mlscaling.search.realtime import compile_policy
from tests.unit.mlscaling.playing import FLEET

START = datetime(2026, 3, 2, tzinfo=UTC)
EVEN = Demand(requests_per_second=np.full(10 * 86_400, 20.0), start=START, name="even")
NOISY = replace(EVEN, requests_per_second=np.repeat(np.random.default_rng(3).uniform(5, 40, 10 * 24), 3600))
TEN_TIMES = TimesUsual(times=10, requests_per_second=9.5, quantile=0.5)
AT = START + timedelta(days=12, hours=20)
SPOT = Event(name="TV spot", at=AT, capacity=1, minutes=40, demand=TEN_TIMES)
AGAIN = replace(SPOT, at=AT + timedelta(days=1))
FIXED = Event(name="launch", at=AT + timedelta(days=2), capacity=9)
POLICY = Scaling(maximum=90, target=TargetTracking(target=480), calendar=(SPOT, FIXED, AGAIN))


def case(demand: Demand) -> Case:
    return Case(demand=demand, first=START + timedelta(days=5), days=5)


def test_where_demand_is_as_usual_an_event_keeps_its_own_quantile() -> None:
    sized = size_events(POLICY, case(EVEN), FLEET, Objective())

    assert [one.event for one in sized] == [SPOT, AGAIN]
    assert all(one.meets and one.chosen.demand == TEN_TIMES for one in sized)
    assert with_sizes(POLICY, sized) == POLICY


def test_where_too_much_would_be_lost_the_least_larger_quantile_that_is_enough_is_taken() -> None:
    spot, _ = size_events(POLICY, case(NOISY), FLEET, Objective())

    tried = {one.demand.quantile: one.safe_violation_share for one in spot.tried}
    assert list(tried) == [0.5, *QUANTILES]
    assert tried[0.5] > 0.01
    assert spot.chosen.demand.quantile == next(quantile for quantile, share in tried.items() if share <= 0.01)
    assert "; at the " in spot.reason


def test_each_event_of_the_calendar_gets_its_own_size() -> None:
    sized = size_events(POLICY, case(NOISY), FLEET, Objective())

    first, launch, second = with_sizes(POLICY, sized).calendar

    assert (first.at, launch, second.at) == (SPOT.at, FIXED, AGAIN.at)
    assert [first.demand, second.demand] == [one.chosen.demand for one in sized]


def test_what_no_quantile_can_serve_takes_the_best_and_says_so() -> None:
    (spot,) = size_events(replace(POLICY, maximum=12, calendar=(SPOT,)), case(EVEN), FLEET, Objective())

    assert not spot.meets
    assert "it asks for up to 22 instances, and the maximum is 12" in spot.reason


def test_the_compiler_sizes_events_and_says_why() -> None:
    compiled = compile_policy(case(NOISY), FLEET, Objective(served_share=0.9), maximum=90, calendar=(SPOT,), spikes=0)

    (spot,) = compiled.events
    assert compiled.chosen.policy.calendar == (replace(SPOT, demand=spot.chosen.demand),)
    assert compiled.reasons[-1] == spot.reason
    assert compiled.meets == spot.meets is True


def test_an_event_that_would_be_lost_stops_a_policy_that_serves_all_else() -> None:
    policy = replace(POLICY, calendar=(SPOT,))

    with pytest.raises(ObjectiveMissedError) as raised:
        prove(policy, case(NOISY), FLEET, Objective(served_share=0.5))

    verdict, event, this, better, size, fix = str(raised.value).split("\n")
    assert verdict.startswith("0.") or "% of the requests of trace 'even'" in verdict
    assert event.startswith("'TV spot', 10 times the usual at the 0.5 quantile, had it been at 20:00 UTC on each of 5")
    assert "at the 0.5 quantile for 'TV spot'" in this
    assert better.startswith("would meet it: ")
    assert size.startswith("'TV spot', 10 times the usual at the ")
    assert fix.startswith("take these quantiles; or say with `although`")


def test_an_event_that_no_size_would_serve_says_what_may_be_raised() -> None:
    policy = replace(POLICY, maximum=12, calendar=(SPOT,))

    with pytest.raises(ObjectiveMissedError, match=r"no quantile of the events would; raise the maximum or"):
        prove(policy, case(EVEN), FLEET, Objective(served_share=0.5))


def test_an_event_that_would_be_served_proves_the_policy() -> None:
    verdict = prove(replace(POLICY, calendar=(SPOT,)), case(EVEN), FLEET, Objective())

    assert verdict.meets
    assert str(verdict).splitlines()[1].startswith("'TV spot', 10 times the usual")
