"""What policies watch, as CloudWatch has it: one value for each period and lane, seen when it is published.

Sources: Amazon SageMaker AI developer guide, "Amazon SageMaker AI metrics in Amazon CloudWatch", "Monitor asynchronous endpoint",
"Autoscale an asynchronous endpoint"; API reference, `ScalingPolicyMetric`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.reactive import Signal
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.controllers import BLOCK_SECONDS, Controller, Stepping, SteppingIn, Tracking
from mlscaling.replay.fleet import Fleet

Floats = NDArray[np.float64]


def watched(policies: Sequence[Scaling], fleet: Fleet) -> list[WatchedSignal]:
    """The signals that these policies watch, one policy for each lane.

    Raises `InvalidScalingError` for one that such an endpoint does not have.
    """
    signals = []
    for signal in Signal:
        targets = [one.target if one.target is not None and one.target.signal is signal else None for one in policies]
        steps = [next((step for step in one.steps if step.signal is signal), None) for one in policies]
        controllers: list[Controller] = []
        if any(targets):
            controllers.append(Tracking(targets, signal.period_seconds))
        if any(steps):
            controllers.append(Stepping(steps))
        ins = [one.scale_in if one.scale_in is not None and one.scale_in.signal is signal else None for one in policies]
        if any(ins):
            controllers.append(SteppingIn(ins))
        if controllers:
            _check(signal, fleet)
            signals.append(WatchedSignal(signal, fleet, len(policies), controllers))
    return signals


def _check(signal: Signal, fleet: Fleet) -> None:
    is_of_containers, is_serverless = signal is Signal.PROVISIONED_CONCURRENCY, fleet.on_demand is not None
    if is_of_containers and not is_serverless:
        raise InvalidScalingError(
            "a policy watches PROVISIONED_CONCURRENCY, and the fleet is not serverless; play it with Fleet(on_demand=OnDemand(...))"
        )
    if is_serverless and not is_of_containers:
        raise InvalidScalingError(
            f"a policy watches {signal.name}, and a serverless endpoint has no instances; use PROVISIONED_CONCURRENCY"
        )
    if signal.is_of_backlog and not fleet.is_asynchronous:
        raise InvalidScalingError(
            f"a policy watches {signal.name}, and the fleet is not asynchronous; play it with Fleet.queueing(...)"
        )
    if signal is Signal.NO_CAPACITY and fleet.is_asynchronous:
        raise InvalidScalingError(
            "a policy watches NO_CAPACITY, and requests of an asynchronous endpoint wait and do not fail; use WAKE_FROM_BACKLOG"
        )


class WatchedSignal:
    """The values of one signal, from the blocks of a period to the alarms that see them when they are published."""

    def __init__(self, signal: Signal, fleet: Fleet, lanes: int, controllers: list[Controller]) -> None:
        self.controllers = controllers
        self._block_value = {
            Signal.INVOCATIONS: self._invocations,
            Signal.FAST_INVOCATIONS: self._invocations,
            Signal.CONCURRENT_REQUESTS: self._concurrent,
            Signal.NO_CAPACITY: self._failures,
            Signal.PROVISIONED_CONCURRENCY: self._utilisation,
            Signal.BACKLOG_PER_INSTANCE: self._backlog_per_instance,
            Signal.BACKLOG_WITHOUT_CAPACITY: self._backlog_without_capacity,
        }[signal]
        self._is_sent_with_requests = signal in (Signal.INVOCATIONS, Signal.FAST_INVOCATIONS)
        self._and = np.maximum if signal is Signal.PROVISIONED_CONCURRENCY else np.add
        self._fleet = fleet
        self._period = signal.period_seconds // BLOCK_SECONDS
        self._share = 1 / self._period if signal.is_of_backlog else 1.0
        """Of a block in the value: that of a backlog is an average, that of containers a maximum, others are sums (or have one block)."""
        self._delay = fleet.metric_delay_seconds(signal.period_seconds) // BLOCK_SECONDS
        self._so_far: Floats = np.zeros(lanes)
        self._queue = np.zeros(lanes)
        self._published: deque[tuple[int, Floats]] = deque()

    def due(self, block: int, load: float, in_service: Floats) -> Floats | None:
        """The value that is published by now, if there is one that was not seen.

        Args:
            load: requests in the block; of a serverless endpoint, the most at once.
        """
        self._so_far = self._and(self._so_far, self._block_value(load, in_service))
        if (block + 1) % self._period == 0:
            self._published.append((block + self._delay, self._value()))
            self._so_far = np.zeros(len(self._so_far))
        if self._published and self._published[0][0] <= block:
            return self._published.popleft()[1]
        return None

    def _value(self) -> Floats:
        """Invocations are sent with requests (`ScalingPolicyMetric`): without one, there is no data."""
        value = self._so_far
        return np.where(value > 0, value, np.nan) if self._is_sent_with_requests else value * self._share

    def _invocations(self, requests: float, in_service: Floats) -> Floats:
        return requests / np.where(in_service > 0, in_service, np.inf)

    def _utilisation(self, at_once: float, in_service: Floats) -> Floats:
        """What is more than the warm containers is at work in others."""
        utilisation: Floats = np.minimum(at_once / np.where(in_service > 0, in_service, np.inf), 1.0)
        return utilisation

    def _concurrent(self, requests: float, in_service: Floats) -> Floats:
        """In flight, as many as the knee has at full load, and waiting, on average over the block."""
        instances = np.maximum(in_service, 1)
        rate = instances * self._fleet.requests_per_second
        work = rate * BLOCK_SECONDS
        before = self._queue
        self._queue = np.clip(before + requests - work, 0, rate * self._fleet.queue_seconds) * (in_service > 0)
        busy = np.minimum((before + requests) / work, 1.0)
        concurrent: Floats = busy * self._fleet.concurrency + (before + self._queue) / (2 * instances)
        return concurrent * (in_service > 0)

    def _failures(self, requests: float, in_service: Floats) -> Floats:
        failures: Floats = np.where(in_service > 0, 0.0, requests)
        return failures

    def _backlog(self, requests: float, in_service: Floats) -> Floats:
        """Requests "currently being processed or yet to be processed": whole ones that wait, at least those in flight."""
        work = in_service * self._fleet.requests_per_second * BLOCK_SECONDS
        there = self._queue + requests
        self._queue = np.maximum(there - work, 0)
        busy = np.minimum(there / np.where(work > 0, work, np.inf), 1.0)
        return np.maximum(np.ceil(self._queue), busy * in_service * self._fleet.concurrency)

    def _backlog_per_instance(self, requests: float, in_service: Floats) -> Floats:
        """Without an instance there is no value, so that only steps scale out from zero ("Auto scaling policy overview")."""
        return self._backlog(requests, in_service) / np.where(in_service > 0, in_service, np.nan)

    def _backlog_without_capacity(self, requests: float, in_service: Floats) -> Floats:
        without: Floats = np.where((self._backlog(requests, in_service) > 0) & (in_service == 0), 1.0, 0.0)
        return without
