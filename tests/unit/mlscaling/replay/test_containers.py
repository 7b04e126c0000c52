"""Each documented behaviour of a serverless endpoint and of what scales its warm containers, as the replay has it."""

from __future__ import annotations

import heapq
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.reactive import Signal
from mlscaling.policies.scaling import Objective
from mlscaling.replay.cases import Case
from mlscaling.replay.containers import Containers
from mlscaling.replay.demand import Demand
from mlscaling.replay.fleet import Fleet, OnDemand, Provisioning
from mlscaling.search.serverless import compile_warm
from tests.unit.mlscaling.playing import FLEET, changes, play, steady, tracking

FOUR = OnDemand(max_concurrency=4, cold_start_seconds=20)
CONTAINERS = Fleet(requests_per_second=1, provisioning=Provisioning.fixed(300), on_demand=FOUR)
"""A container takes a second for a request, four are at work at most, and one that is started takes 20 seconds to come."""
PATIENT = replace(CONTAINERS, longest_wait_seconds=60)
SEED = 20


def at(minutes: int, *moments: tuple[int, float]) -> np.ndarray:
    """So many requests in some seconds, and none in the others."""
    arrivals = steady((minutes, 0))
    for second, requests in moments:
        arrivals[second] = requests
    return arrivals


def containers(arrivals: np.ndarray, fleet: Fleet = CONTAINERS) -> Containers:
    assert fleet.on_demand is not None
    return Containers(arrivals, fleet, fleet.on_demand, np.random.default_rng(SEED))


def lost(arrivals: np.ndarray, *, warm: float, fleet: Fleet = CONTAINERS) -> list[float]:
    """Violations by minute behind so many warm containers."""
    played = containers(arrivals, fleet).violations_by_minute(np.full((len(arrivals) // 10, 1), warm))
    return [float(minute) for minute in played[:, 0]]


SLOW = replace(CONTAINERS, requests_per_second=0.1)
"""A request takes ten seconds, so that those of one second are at work at once."""


def test_a_request_that_finds_no_warm_container_waits_for_one_to_be_started() -> None:
    """Developer guide, "Alarms and logs for tracking metrics from serverless endpoints": spillover is what is "not handled by
    Provisioned Concurrency, that is handled by on-demand Serverless Inference"; blog, "Announcing provisioned concurrency": "A cold
    start can also occur if your concurrent requests exceed the current concurrent request usage"."""
    assert lost(at(2, (30, 2)), warm=2, fleet=SLOW) == [0, 0]
    assert lost(at(2, (30, 3)), warm=2, fleet=SLOW) == [1, 0]


def test_a_cold_start_that_is_no_longer_than_the_objective_is_no_violation() -> None:
    assert lost(at(2, (30, 3)), warm=2, fleet=replace(SLOW, longest_wait_seconds=20)) == [0, 0]


def test_more_requests_at_once_than_the_maximum_are_throttled() -> None:
    """API reference, `ProductionVariantServerlessConfig`: "the maximum number of concurrent invocations".

    Six at once: two are throttled, however long a cold start may take, and whether the others are warm or not.
    """
    patient = replace(SLOW, longest_wait_seconds=60)
    assert lost(at(2, (30, 6)), warm=2, fleet=patient) == [2, 0]
    assert lost(at(2, (30, 6)), warm=4, fleet=patient) == [2, 0]


def test_a_container_that_was_started_serves_the_next_request_until_it_has_idled_for_long() -> None:
    """Blog, "Announcing provisioned concurrency": "if your endpoint doesn't receive traffic for a while" there is a cold start.

    Five minutes of `idle_container_seconds` are an assumption.
    """
    assert lost(at(20, (30, 1), (330, 1)), warm=0) == [1, *[0] * 19]
    assert lost(at(20, (30, 1), (390, 1)), warm=0) == [1, *[0] * 5, 1, *[0] * 13]


def test_while_a_container_is_started_others_are_started_for_those_who_come_then() -> None:
    """A request each ten seconds, and a container takes 20 to come: the third and its followers find the first free."""
    arrivals = at(10, *((second, 1) for second in range(60, 600, 10)))

    assert sum(lost(arrivals, warm=0)) == 3
    assert sum(lost(arrivals, warm=1)) == 0


def test_requests_that_are_let_wait_keep_the_containers_that_are_started_for_them() -> None:
    """At one a second four containers are being started after four seconds, and what comes then is throttled for 16."""
    arrivals = np.concatenate([steady((1, 0)), steady((2, 1))])

    assert 14 <= sum(lost(arrivals, warm=0, fleet=PATIENT)) <= 18


@pytest.mark.parametrize(
    ("takes", "rate", "most", "cold", "warm", "tolerance"),
    [
        (1, 1, 4, 20, 1, 0.1),
        (1, 3, 8, 20, 3, 0.1),
        (3, 2, 10, 5, 6, 0.1),
        (10, 0.5, 10, 30, 4, 0.1),
        (1, 3, 20, 20, 6, 0.15),
        (1, 0.02, 5, 20, 1, 0.2),
        (0.1, 10, 5, 20, 2, 0.4),
    ],
)
def test_what_becomes_of_requests_is_as_if_each_were_followed(
    takes: float, rate: float, most: int, cold: float, warm: int, tolerance: float
) -> None:
    """Against a queue of single requests: as many violations, and as many at work at once, on a day of waves.

    Few violations differ more by chance, and requests of a tenth of a second have coarse steps, which count more of them.
    """
    on_demand = OnDemand(max_concurrency=most, cold_start_seconds=cold)
    fleet = replace(CONTAINERS, requests_per_second=1 / takes, on_demand=on_demand)
    random, seconds = np.random.default_rng(SEED), np.arange(86_400)
    demand = random.poisson(rate * (1 + 0.8 * np.sin(seconds / 14_400 * 2 * np.pi)))
    moments = np.sort(np.repeat(seconds, demand) + random.random(demand.sum()))

    followed = _followed(moments, takes, warm, on_demand)
    at_once = np.arange(len(moments)) - np.searchsorted(moments, moments - takes, side="right") + 1
    peaks = np.zeros(1440)
    np.maximum.at(peaks, (moments // 60).astype(int), at_once)
    played = containers(demand.astype(float), fleet)

    assert followed > 25
    assert sum(played.violations_by_minute(np.full((8640, 1), warm))[:, 0]) == pytest.approx(followed, rel=tolerance)
    assert played.most_at_once().reshape(-1, 6).max(axis=1).mean() == pytest.approx(peaks.mean(), rel=0.05)


def _followed(moments: np.ndarray, takes: float, warm: int, on_demand: OnDemand) -> int:
    """Requests that are throttled or have a container started; of those that idle, the one that worked last is taken."""
    at_warm: list[float] = []
    at_others: list[float] = []
    idle_since: list[float] = []
    violations = 0
    for moment in moments:
        while at_warm and at_warm[0] <= moment:
            heapq.heappop(at_warm)
        while at_others and at_others[0] <= moment:
            idle_since.append(heapq.heappop(at_others))
        idle_since = [since for since in idle_since if since >= moment - on_demand.idle_container_seconds]
        if len(at_warm) < warm:
            heapq.heappush(at_warm, moment + takes)
        elif len(at_warm) + len(at_others) >= on_demand.max_concurrency:
            violations += 1
        elif idle_since:
            idle_since.pop()
            heapq.heappush(at_others, moment + takes)
        else:
            violations += 1
            heapq.heappush(at_others, moment + on_demand.cold_start_seconds + takes)
    return violations


@pytest.mark.parametrize("idle", [60, 1200])
def test_what_becomes_of_requests_does_not_depend_on_where_pieces_begin(idle: float) -> None:
    """Ten hours, and the same without the first seventeen minutes; containers idle for less and for more than half a piece.

    Parts of requests come evenly, so that nothing is left to chance.
    """
    demand = 0.49 * np.random.default_rng(SEED).random(36_000) * (1 + np.sin(np.arange(36_000) / 900))
    fleet = replace(SLOW, on_demand=OnDemand(max_concurrency=30, cold_start_seconds=20, idle_container_seconds=idle))

    whole, later = lost(demand, warm=3, fleet=fleet), lost(demand[17 * 60 :], warm=3, fleet=fleet)

    assert sum(later[60:]) > 10
    assert later[60:] == pytest.approx(whole[77:], abs=0.1)


def test_the_use_of_warm_containers_is_kept_near_the_target() -> None:
    """There: "concurrent executions divided by the allocated Provisioned Concurrency"; out after 3 values, seen a minute later.

    2 of 2 are at work: 1 over 0.7 is 2.9, three containers. Of 3 at work that is one too few, which is seen when it is provisioned, and
    acted on after five minutes of cooldown.
    """
    busy = replace(CONTAINERS, requests_per_second=1 / 7200)
    policy = tracking(0.7, signal=Signal.PROVISIONED_CONCURRENCY, minimum=2, maximum=4)

    assert changes(play(policy, at(30, (1, 2)), busy)) == [(0, 2), (4, 3)]
    assert changes(play(policy, at(30, (1, 3)), busy)) == [(0, 2), (4, 3), (15, 4)]


def test_more_at_work_than_there_are_warm_containers_is_a_use_of_one() -> None:
    """Assumed: AWS does not say whether spillover counts. Out by 1 / 0.5, not by 4 / 0.5."""
    busy = replace(CONTAINERS, requests_per_second=1 / 7200)

    assert changes(play(tracking(0.5, signal=Signal.PROVISIONED_CONCURRENCY, maximum=20), at(8, (1, 4)), busy)) == [
        (0, 1),
        (4, 2),
    ]


def test_the_value_of_a_minute_is_its_largest() -> None:
    """Assumed, as the embedded AWS does: valid are average, maximum and minimum. One request a minute keeps a container in use."""
    once = at(40, *((minute * 60, 1) for minute in range(40)))
    policy = tracking(0.9, signal=Signal.PROVISIONED_CONCURRENCY, maximum=4)

    assert changes(play(policy, once, CONTAINERS))[:2] == [(0, 1), (4, 2)]


def test_unused_containers_go_after_fifteen_minutes() -> None:
    """As with every target: 15 values under 0.9 of it. Without requests the use is 0, which is assumed to be published."""
    policy = tracking(0.7, signal=Signal.PROVISIONED_CONCURRENCY, minimum=1, maximum=4)
    minimums = np.repeat([[4], [1]], [5, 55], axis=0)

    assert changes(play(policy, at(60), minimums=minimums, fleet=CONTAINERS)) == [(0, 4), (16, 1)]


def test_the_calendar_raises_the_minimum_of_warm_containers_which_serve_when_they_are_provisioned() -> None:
    """User guide, "Scheduled scaling". Three at once each minute from the tenth on; four are wanted from the third on."""
    minimums = np.repeat([[1], [4]], [3, 27], axis=0)
    arrivals = at(30, *((minute * 60 + 5, 3) for minute in range(10, 30)))
    policy = tracking(0.9, signal=Signal.PROVISIONED_CONCURRENCY, minimum=1, maximum=4)

    outcome = play(policy, arrivals, replace(CONTAINERS, requests_per_second=0.1), minimums=minimums)

    assert changes(outcome)[:2] == [(0, 1), (3, 4)]
    assert outcome.in_service_by_minute[[7, 9], 0].tolist() == [1, 4]
    assert outcome.violation_share[0] == 0


def test_a_signal_that_such_an_endpoint_does_not_have_is_refused() -> None:
    with pytest.raises(
        InvalidScalingError, match=r"the fleet is not serverless; play it with Fleet\(on_demand=OnDemand"
    ):
        play(tracking(0.7, signal=Signal.PROVISIONED_CONCURRENCY), steady((1, 1)), FLEET)
    with pytest.raises(InvalidScalingError, match="watches INVOCATIONS, and a serverless endpoint has no instances"):
        play(tracking(300), steady((1, 1)), CONTAINERS)


def test_containers_that_cannot_be_are_refused_with_everything_that_is_wrong() -> None:
    with pytest.raises(InvalidScalingError, match=r"max_concurrency is 0; use more than 0; cold_start_seconds is -1"):
        OnDemand(max_concurrency=0, cold_start_seconds=-1)


def test_the_cheapest_warm_containers_that_serve_the_days_are_found_with_a_reason_for_each_number() -> None:
    """A request every 20 seconds, and three a second from nine to ten."""
    mornings = Demand(
        requests_per_second=np.where((np.arange(4 * 86_400) % 86_400) // 3600 == 9, 3.0, 0.05),
        start=datetime(2026, 3, 2, tzinfo=UTC),
        name="mornings",
    )
    case = Case(demand=mornings, first=mornings.start + timedelta(days=1), days=3)
    fleet = replace(CONTAINERS, on_demand=replace(FOUR, max_concurrency=20))

    found = compile_warm(case, fleet, Objective(served_share=0.99), maximum=20)

    assert found.meets
    assert 24 < found.chosen.hours_per_day < 24 * 20
    assert [reason.split(" ")[0] for reason in found.reasons] == ["minimum", "target"]
    assert all("wait for a container or are throttled" in reason for reason in found.reasons)
    cheaper = [one for one in found.candidates if one.hours_per_day < found.chosen.hours_per_day]
    assert all(one.safe_violation_share > 0.01 for one in cheaper)
