"""What Application Auto Scaling makes of policies on an endpoint of SageMaker, second by second, for many policies at once.

Each lane is one policy; all lanes see the same requests. Time goes in blocks of ten seconds, the period of the fastest metric: within
one, capacity stays and queues move each second; between two, metrics are published, alarms judge and capacity changes.

What is modelled, with its source:

- Target tracking goes out after 3 values over the target and in after 15 minutes under 0.9 of it, each value counted once (measured
  on the alarms that Application Auto Scaling makes).
- The new capacity is what is in service times the value over the target, rounded up (user guide, "How target tracking scaling
  works"), within minimum and maximum.
- A signal without data moves nothing (there: "insufficient data"): a variant without any request does not scale in.
- Cooldowns: see `TargetTracking` and `StepScaling`; a scale-out ends the cooldown of scale-in at once (API reference).
- An instance is paid from the decision on, and serves when it is provisioned; scale-in takes instances away at once.
- An endpoint that is `Updating` takes no other change (API reference, `UpdateEndpointWeightsAndCapacities`).
- `Invocations` count rejected requests too; requests at an instance beyond `Fleet.queue_seconds` of work are rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlscaling.controllers import Decisions, FastTracking, Floors, Steps, Tracking
from mlscaling.fleet import Fleet
from mlscaling.policies import ScalingPolicy

BLOCK_SECONDS = 10
MINUTE_BLOCKS = 6
_NOTHING = 1e-9

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened under each policy: arrays have a place for each lane, in minutes by lanes where they say so."""

    requests: float
    requests_by_minute: Floats
    violations: Floats
    violations_by_minute: Floats
    instances_by_minute: Floats
    instance_seconds: Floats

    @property
    def violation_share(self) -> Floats:
        """Violations per request."""
        return self.violations / max(self.requests, 1.0)

    def worst_minute(self, lane: int) -> int:
        """The minute with most violations."""
        return int(self.violations_by_minute[:, lane].argmax())


def replay(
    policies: Sequence[ScalingPolicy],
    fleet: Fleet,
    arrivals: Floats,
    *,
    seed: int = 0,
    minute_delay_seconds: int = 60,
    fast_delay_seconds: int = 10,
) -> Outcome:
    """Play requests against policies.

    Args:
        policies: one for each lane.
        arrivals: requests in each second.
        seed: of the provisioning times, the same for all lanes.
        minute_delay_seconds, fast_delay_seconds: from the end of a metric's period until an alarm judges it.

    Raises `ValueError` if there is no policy or less than a minute of arrivals.
    """
    minutes = len(arrivals) // 60
    if not policies or not minutes:
        raise ValueError(f"there are {len(policies)} policies and {len(arrivals)} seconds; give at least 1 and 60")
    run = _Run(policies, fleet, minutes, seed, (minute_delay_seconds, fast_delay_seconds))
    for block, requests in enumerate(arrivals[: minutes * 60].reshape(-1, BLOCK_SECONDS)):
        run.block(block, requests)
    return Outcome(
        requests=float(arrivals[: minutes * 60].sum()),
        requests_by_minute=arrivals[: minutes * 60].reshape(-1, 60).sum(axis=1),
        violations=run.violations.sum(axis=0),
        violations_by_minute=run.violations,
        instances_by_minute=run.instances,
        instance_seconds=run.instances.sum(axis=0) * 60,
    )


class _Run:
    """The state of all lanes."""

    def __init__(
        self, policies: Sequence[ScalingPolicy], fleet: Fleet, minutes: int, seed: int, delays: tuple[int, int]
    ) -> None:
        lanes = len(policies)
        self.fleet = fleet
        self.floors = Floors(policies)
        self.maximum = np.array([policy.maximum for policy in policies], dtype=np.int64)
        self.desired = self.floors.at(0).copy()
        self.in_service = self.desired.astype(np.float64)
        self.queue = np.zeros(lanes)
        self.tracking = Tracking(policies, delays[0] // BLOCK_SECONDS)
        self.fast = FastTracking(policies, delays[1] // BLOCK_SECONDS)
        self.steps = Steps(policies, delays[1] // BLOCK_SECONDS)
        blocks = fleet.provisioning.draw(np.random.default_rng(seed), minutes * MINUTE_BLOCKS)
        self.provisioning_blocks = np.maximum(1, np.ceil(blocks / BLOCK_SECONDS)).astype(np.int64)
        self.coming = np.zeros((int(self.provisioning_blocks.max()) + 1, lanes))
        self.updating_until = np.zeros(lanes, dtype=np.int64)
        self.invocations = np.zeros(lanes)
        self.violations = np.zeros((minutes, lanes))
        self.instances = np.zeros((minutes, lanes))

    def block(self, block: int, requests: Floats) -> None:
        self._arrive(block)
        late, concurrent = self._serve(requests)
        self.violations[block // MINUTE_BLOCKS] += late
        self.instances[block // MINUTE_BLOCKS] += self.desired / MINUTE_BLOCKS
        self.invocations += requests.sum() / np.maximum(self.in_service, 1)
        self._decide(block, concurrent)

    def _arrive(self, block: int) -> None:
        place = block % len(self.coming)
        self.in_service += self.coming[place]
        self.coming[place] = 0

    def _serve(self, requests: Floats) -> tuple[Floats, Floats]:
        """Violations in the block, and requests in flight or waiting at an instance, on average over it."""
        capacity = self.in_service * self.fleet.requests_per_second
        busy = requests.mean() / np.maximum(capacity, _NOTHING)
        in_flight = np.minimum(busy, 1.0) * self.fleet.concurrency
        if requests.max() <= capacity.min() and not self.queue.any():
            return np.zeros(len(capacity)), in_flight
        late, waiting = np.zeros(len(capacity)), np.zeros(len(capacity))
        for count in requests:
            late += self._second(count, capacity)
            waiting += self.queue
        return late, in_flight + waiting / (len(requests) * np.maximum(self.in_service, 1))

    def _second(self, count: float, capacity: Floats) -> Floats:
        """Requests of one second that wait too long or are rejected."""
        limit, longest = capacity * self.fleet.queue_seconds, self.fleet.longest_wait_seconds
        before = self.queue
        wanted = before + count - capacity
        rejected = np.clip(wanted - limit, 0, count)
        self.queue = np.clip(wanted, 0, limit)
        rate = np.maximum(capacity, _NOTHING)
        low, high = np.minimum(before, self.queue) / rate, np.maximum(before, self.queue) / rate
        over = np.clip((high - longest) / np.maximum(high - low, _NOTHING), 0, 1)
        return rejected + (count - rejected) * over

    def _decide(self, block: int, concurrent: Floats) -> None:
        decisions = Decisions(block=block, in_service=self.in_service, desired=self.desired)
        self.fast.judge(decisions, concurrent)
        self.steps.judge(decisions, concurrent)
        if (block + 1) % MINUTE_BLOCKS == 0:
            self.tracking.publish(block, self.invocations)
            self.invocations = np.zeros(len(self.invocations))
        self.tracking.judge(decisions)
        wanted = np.clip(decisions.wanted, self.floors.at(block + 1), self.maximum)
        self._change(block, wanted.astype(np.int64))

    def _change(self, block: int, wanted: Ints) -> None:
        free = self.updating_until <= block if self.fleet.one_update_at_a_time else True
        out, scale_in = (wanted > self.desired) & free, (wanted < self.desired) & (self.updating_until <= block)
        if not (out.any() or scale_in.any()):
            return
        takes = int(self.provisioning_blocks[block])
        added = np.where(out, wanted - self.desired, 0)
        self.coming[(block + takes) % len(self.coming)] += added
        self.updating_until = np.where(out, np.maximum(self.updating_until, block + takes), self.updating_until)
        self.in_service = np.where(scale_in, wanted, self.in_service)
        for controller in (self.tracking, self.fast, self.steps):
            controller.changed(block, out, scale_in, self.desired)
        self.desired = np.where(out | scale_in, wanted, self.desired)
