"""Each documented behaviour of an asynchronous endpoint and of what scales it, as the replay has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.reactive import WAKE_FROM_ZERO, Signal, TargetTracking
from mlscaling.policies.scaling import Objective, Scaling, by_backlog
from mlscaling.replay.cases import Case
from mlscaling.replay.demand import Demand
from mlscaling.replay.fleet import Fleet, Provisioning
from mlscaling.replay.serving import violations_by_minute
from mlscaling.search.asynchronous import compile_backlog
from tests.unit.mlscaling.playing import FLEET, changes, play, steady, tracking

SLOW = Fleet(requests_per_second=0.1, provisioning=Provisioning.fixed(300)).queueing(longest_wait_seconds=900)
"""An instance answers a request in ten seconds."""
DEFAULT = by_backlog(maximum=5, backlog_per_instance=5)


def one_request(*, at_minute: int, minutes: int = 90) -> np.ndarray:
    arrivals = steady((minutes, 0))
    arrivals[at_minute * 60] = 1
    return arrivals


def test_a_request_wakes_the_first_instance_after_two_minutes_without_capacity_and_goes_when_nothing_waits() -> None:
    """Developer guide, "Autoscale an asynchronous endpoint": an alarm on `HasBacklogWithoutCapacity`, 2 of 2 minutes, adds 1.

    Two minutes of values, published a minute later; 15 minutes under 0.9 of the target after the answer, back to 0.
    """
    outcome = play(DEFAULT, one_request(at_minute=10), SLOW)

    assert changes(outcome) == [(0, 0), (13, 1), (34, 0)]
    assert outcome.violation_share[0] == 0


def test_without_an_instance_the_backlog_of_each_has_no_value_so_that_only_steps_wake_it() -> None:
    """Developer guide, "Auto scaling policy overview": "you must use step scaling" to scale out from zero."""
    target = TargetTracking(target=5, signal=Signal.BACKLOG_PER_INSTANCE)
    kept = Scaling(minimum=1, maximum=5, target=target)

    outcome = play(kept, steady((60, 2)), SLOW, minimums=np.zeros((60, 1), dtype=np.int64))

    assert changes(outcome) == [(0, 0)]


def test_the_backlog_of_each_instance_is_kept_near_the_target() -> None:
    """Developer guide, "Monitor asynchronous endpoint": items in the queue, over the instances behind the endpoint.

    20 requests a minute on an instance that answers 6: 14 more wait each minute. On average over its minute 14 is over 5 at first, then
    28, 42: published a minute later. 42 over 5 is 9 instances, of which the maximum allows 5.
    """
    outcome = play(by_backlog(minimum=1, maximum=5, backlog_per_instance=5), steady((10, 0.05), (20, 1 / 3)), SLOW)

    assert changes(outcome) == [(0, 1), (14, 5)]


def test_a_request_at_work_is_part_of_the_backlog_and_keeps_its_instance() -> None:
    """Developer guide, "Monitor asynchronous endpoint": "currently being processed or yet to be processed".

    A request takes 40 minutes: the instance has it as backlog, 1 for a target of 1, for all that time.
    """
    hour = replace(SLOW, requests_per_second=1 / 2400)

    outcome = play(by_backlog(maximum=1, backlog_per_instance=1), one_request(at_minute=10, minutes=120), hour)

    (_, woken), (gone, nothing) = changes(outcome)[1:3]
    assert (woken, nothing) == (1, 0)
    assert gone >= 18 + 40 + 15


def test_requests_at_work_in_parallel_are_part_of_the_backlog_though_none_waits() -> None:
    """As above: an instance that is half busy with 4 at once has 2 in flight, twice the target."""
    fleet = FLEET.queueing()

    outcome = play(by_backlog(minimum=1, maximum=9, backlog_per_instance=1), steady((10, 5)), fleet)

    assert changes(outcome)[-1] == (4, 2)


def test_requests_wait_however_many_they_are_and_none_is_rejected() -> None:
    """Developer guide, "Asynchronous inference": requests are queued. The backlog of an hour is answered within the next."""
    demand = steady((60, 0.2), (60, 0))
    instances = np.ones((720, 1))

    assert violations_by_minute(demand, instances, SLOW.queueing(longest_wait_seconds=3700)).sum() == pytest.approx(
        0, abs=1e-6
    )
    assert violations_by_minute(demand, instances, SLOW.queueing(longest_wait_seconds=1800)).sum() > 0


def test_a_request_is_late_if_it_is_answered_later_than_the_objective() -> None:
    """Six requests of a minute wait for an instance that comes ten minutes later, and answers as fast as they came."""
    demand, instances = np.concatenate([steady((1, 0.1)), steady((59, 0))]), np.repeat([0.0, 1.0], [60, 300])[:, None]

    late = [
        violations_by_minute(demand, instances, SLOW.queueing(longest_wait_seconds=wait))[0, 0] for wait in (595, 605)
    ]

    assert late == pytest.approx([6, 0], abs=1e-6)


def test_what_waits_is_answered_as_if_each_request_were_followed() -> None:
    """Against a queue of single requests, with instances that come and go."""
    random = np.random.default_rng(11)
    demand = random.poisson(np.interp(np.arange(7200), [0, 2400, 4000, 7200], [0.02, 1.0, 0.1, 0.0])).astype(float)
    instances = np.repeat([0.0, 3.0, 1.0, 6.0], [100, 200, 120, 300])
    done = np.cumsum(np.repeat(instances, 10) * 0.1)
    late, served = 0, 0.0
    for second in np.repeat(np.arange(7200), demand.astype(int)):
        served = max(served, done[second - 1] if second else 0.0) + 1
        answered = int(np.searchsorted(done, served - 1e-9))
        late += int(answered > second + 600 and second + 600 < 7200)

    played = violations_by_minute(demand, instances[:, None], SLOW.queueing(longest_wait_seconds=600)).sum()

    assert late > 100
    assert played == pytest.approx(late, rel=0.05)


def test_a_request_that_is_served_beside_others_takes_as_much_longer() -> None:
    """100 at once, one a second in all: each takes 100 seconds, though nothing waits."""
    fleet = Fleet(requests_per_second=1, provisioning=Provisioning.fixed(300), concurrency=100)
    instances = np.ones((60, 1))

    assert violations_by_minute(steady((10, 1)), instances, fleet.queueing(longest_wait_seconds=90)).sum() > 400
    assert violations_by_minute(steady((10, 1)), instances, fleet.queueing(longest_wait_seconds=101)).sum() == 0


def test_an_objective_after_which_requests_have_expired_is_refused() -> None:
    """API reference, `InvokeEndpointAsync`, `RequestTTLSeconds`: six hours at most."""
    with pytest.raises(InvalidScalingError, match="longest_wait_seconds is 30000; use 21600 at most"):
        FLEET.queueing(longest_wait_seconds=30_000)


def test_a_signal_that_such_an_endpoint_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidScalingError, match=r"the fleet is not asynchronous; play it with Fleet\.queueing"):
        play(DEFAULT, steady((1, 1)))
    with pytest.raises(
        InvalidScalingError, match="requests of an asynchronous endpoint wait and do not fail; use WAKE_FROM_BACKLOG"
    ):
        play(Scaling(minimum=0, maximum=2, steps=(WAKE_FROM_ZERO,)), steady((1, 1)), SLOW)
    with pytest.raises(InvalidScalingError, match="target tracking cannot follow HasBacklogWithoutCapacity"):
        tracking(1, signal=Signal.BACKLOG_WITHOUT_CAPACITY)


def test_a_policy_says_whether_it_is_of_an_asynchronous_endpoint() -> None:
    assert DEFAULT.is_asynchronous
    assert FLEET.for_policy(DEFAULT, None).longest_wait_seconds == 900
    assert not FLEET.for_policy(tracking(300), 2).is_asynchronous


MORNINGS = Demand(
    requests_per_second=np.where((np.arange(4 * 86_400) % 86_400) // 3600 == 9, 0.5, 0.0005),
    start=datetime(2026, 3, 2, tzinfo=UTC),
    name="mornings",
)
"""1800 requests from nine to ten, and two an hour otherwise."""


def test_the_cheapest_policy_that_answers_in_time_is_found_with_a_reason_for_each_number() -> None:
    case = Case(demand=MORNINGS, first=MORNINGS.start + timedelta(days=1), days=3)

    found = compile_backlog(case, SLOW.queueing(longest_wait_seconds=1200), Objective(served_share=0.99), maximum=16)
    policy = found.chosen.policy

    assert found.meets
    assert policy.minimum == 0
    assert 4 <= policy.maximum <= 16
    assert found.chosen.hours_per_day < 24
    assert [reason.split(" ")[0] for reason in found.reasons] == ["minimum", "maximum", "backlog_per_instance"]
    assert all("answered too late" in reason for reason in found.reasons)
    cheaper = [one for one in found.candidates if one.hours_per_day < found.chosen.hours_per_day]
    assert all(one.safe_violation_share > 0.01 for one in cheaper)
