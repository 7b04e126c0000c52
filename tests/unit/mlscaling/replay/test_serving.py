"""The queue of requests, played piece by piece, is the queue played second by second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlscaling.replay.fleet import Fleet
from mlscaling.replay.serving import violations_by_minute
from tests.unit.mlscaling.playing import FLEET, steady


def second_by_second(arrivals: list[float], instances: list[float], fleet: Fleet) -> float:
    """Violations, by following each tenth of a request."""
    queue, late, parts = 0.0, 0.0, 1000
    for second, count in enumerate(arrivals):
        rate = instances[second // 10] * fleet.requests_per_second
        limit, before = rate * fleet.queue_seconds, queue
        rejected = min(max(queue + count - rate - limit, 0), count)
        queue = min(max(queue + count - rate, 0), limit)
        last = max(queue - 1, 0)
        waits = [(before + (last - before) * (part + 0.5) / parts) / rate for part in range(parts)] if rate else []
        share = sum(wait > fleet.longest_wait_seconds for wait in waits) / parts
        late += rejected + (count - rejected) * share
    return late


@pytest.mark.parametrize("queue_seconds", [0.5, 2.0, 600.0])
def test_pieces_give_what_seconds_give(queue_seconds: float) -> None:
    """Over several half hours, some of which begin with a queue that the one before left."""
    random = np.random.default_rng(7)
    rate = np.interp(np.arange(7200), [0, 1500, 2400, 5300, 5500, 7200], [5, 60, 5, 5, 45, 5])
    arrivals = random.poisson(rate).astype(np.float64)
    instances = np.repeat([2.0, 3.0, 0.0, 2.0], [200, 300, 20, 200])
    fleet = replace(FLEET, queue_seconds=queue_seconds)

    played = violations_by_minute(arrivals, np.column_stack([instances, instances + 1]), fleet)

    assert played.shape == (120, 2)
    assert played[:, 0].sum() == pytest.approx(second_by_second(list(arrivals), list(instances), fleet), rel=0.01)
    assert played[:, 1].sum() < played[:, 0].sum()


def test_requests_that_wait_less_than_the_longest_wait_are_no_violations() -> None:
    """A burst of 10 requests above the rate waits for a second at most."""
    arrivals = steady((1, 10))
    arrivals[30] += 10

    assert violations_by_minute(arrivals, np.ones((6, 1)), FLEET).sum() == 0


def test_all_requests_without_an_instance_are_rejected() -> None:
    assert violations_by_minute(steady((2, 3)), np.zeros((12, 1)), FLEET).tolist() == [[180], [180]]


def test_of_an_overload_what_cannot_be_served_is_rejected_and_the_rest_waits_too_long() -> None:
    """15 requests per second on 10: the queue holds 20, so that each waits two seconds, which is too long."""
    late = violations_by_minute(steady((5, 15)), np.ones((30, 1)), FLEET)[:, 0]

    assert late[-1] == pytest.approx(15 * 60)


def test_instances_that_refuse_what_would_wait_too_long_serve_on_as_much_as_they_can() -> None:
    """15 requests per second on 10: a third is refused, and the rest waits for 0.8 s. Weaker ones let as many wait, so for longer."""
    bounded = FLEET.refusing(8)
    overload = steady((5, 15))

    assert violations_by_minute(overload, np.ones((30, 1)), bounded)[-1, 0] == pytest.approx(5 * 60)
    assert violations_by_minute(overload, np.ones((30, 1)), bounded.weaker(0.5))[-1, 0] == pytest.approx(15 * 60)


def test_a_request_does_not_wait_for_itself() -> None:
    """An instance that serves one in five seconds, and a request every ten."""
    slow = replace(FLEET, requests_per_second=0.2)
    arrivals = np.tile([1.0, *[0.0] * 9], 30)

    assert violations_by_minute(arrivals, np.ones((30, 1)), slow).sum() == 0
