"""What Application Auto Scaling makes of policies on an endpoint of SageMaker, second by second, for many policies at once.

Each lane is one policy; all lanes see the same requests. Decisions are played in blocks of ten seconds, the period of the fastest
metric, and then requests at the instances second by second (`mlscaling.replay.serving`).

What is modelled, with its source:

- Target tracking goes out after 3 values over the target and in after 15 minutes under 0.9 of it, each value counted once (measured
  on the alarms that Application Auto Scaling makes).
- The new capacity is what is in service times the value over the target, rounded up (user guide, "How target tracking scaling
  works"), within minimum and maximum. Cooldowns: see `mlscaling.replay.controllers`.
- A signal without data moves nothing (there: "insufficient data"): a variant without any request does not scale in by `Invocations`.
- `InvocationsPerInstance` sends one over the instances in service with each request (API reference, `ScalingPolicyMetric`), and
  counts "requests sent to a model endpoint" (developer guide, "SageMaker AI metrics in Amazon CloudWatch"): those that the
  instance rejects, too.
- Concurrent requests are those in flight and those that wait, so that they saturate when an instance rejects.
- Step scaling that scales in does not wait until target tracking is ready (API reference, `PutScalingPolicy`); at the same moment, the
  larger capacity counts.
- An endpoint that is `Updating` takes no other change ("auto scaling is blocked while the update operation is in progress":
  developer guide, "Update endpoints that use auto scaling"). What is wanted then is wanted again with the next value.
- A minimum that rises raises the capacity at once; one that falls only lets scale in (user guide, "Scheduled scaling").
- An instance is paid from the decision on, and serves when it is provisioned; scale-in takes instances away at once.
- Requests at an instance beyond `Fleet.queue_seconds` of work are rejected; without any instance, all are. Those of an asynchronous
  endpoint (`Fleet.is_asynchronous`) are never: they wait in one queue until an instance has room. Those of a serverless one
  (`Fleet.on_demand`) have other containers started for them (`mlscaling.replay.containers`).
- The utilisation of warm containers is the largest of a minute, 1 at most. AWS publishes "the number of concurrent executions divided by
  the allocated Provisioned Concurrency" with average, maximum and minimum (developer guide, "Alarms and logs for tracking metrics from
  serverless endpoints"), and does not say which of them its alarms watch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlscaling.policies.scaling import Scaling
from mlscaling.replay.containers import Containers
from mlscaling.replay.controllers import BLOCK_SECONDS, Capacity, Controller
from mlscaling.replay.fleet import Fleet
from mlscaling.replay.serving import violations_by_minute
from mlscaling.replay.signals import watched

MINUTE_BLOCKS = 6

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened under each policy: arrays have a place for each lane, and a row for each minute where they say so."""

    requests_by_minute: Floats
    violations_by_minute: Floats
    instances_by_minute: Floats
    """Paid for, on average over the minute."""
    in_service_by_minute: Floats
    """Taking requests, at the end of the minute."""

    @property
    def requests(self) -> float:
        """All of them."""
        return float(self.requests_by_minute.sum())

    @property
    def violation_share(self) -> Floats:
        """Violations per request, by lane."""
        shares: Floats = self.violations_by_minute.sum(axis=0) / max(self.requests, 1.0)
        return shares

    @property
    def instance_hours(self) -> Floats:
        """Paid for, by lane."""
        hours: Floats = self.instances_by_minute.sum(axis=0) / 60
        return hours

    def after(self, minutes: int) -> Outcome:
        """Without the first minutes."""
        return Outcome(**{name: values[minutes:] for name, values in vars(self).items()})


def replay(
    policies: Sequence[Scaling],
    fleet: Fleet,
    arrivals: Floats,
    *,
    minimums: Ints | None = None,
    seed: int = 0,
) -> Outcome:
    """Play requests against policies.

    Args:
        policies: one for each lane. Their floors and calendars count only as far as `minimums` has them.
        arrivals: requests in each second.
        minimums: the minimum of each lane in each minute (rows), as `mlscaling.forecasts.floors` makes it. When not given: that of
            the policy.
        seed: of the provisioning times, the same for all lanes.

    Raises `ValueError` if there is no policy or less than a minute of arrivals, and `InvalidScalingError` for a policy that watches
    what such a fleet does not have.
    """
    minutes = len(arrivals) // 60
    if not policies or not minutes:
        raise ValueError(f"there are {len(policies)} policies and {len(arrivals)} seconds; give at least 1 and 60")
    arrivals = arrivals[: minutes * 60]
    if minimums is None:
        minimums = np.array([policy.minimum for policy in policies])[None, :].repeat(minutes, axis=0)
    run = _Run(policies, fleet, minimums, np.random.default_rng(seed))
    seen, lost = _behind(arrivals, fleet, seed)
    for block, load in enumerate(seen):
        run.block(block, float(load))
    in_service = run.in_service.reshape(minutes, MINUTE_BLOCKS, -1)
    return Outcome(
        requests_by_minute=arrivals.reshape(-1, 60).sum(axis=1),
        violations_by_minute=lost(run.serving),
        instances_by_minute=run.paid.reshape(minutes, MINUTE_BLOCKS, -1).mean(axis=1, dtype=np.float64),
        in_service_by_minute=in_service[:, -1].astype(np.float64),
    )


def _behind(arrivals: Floats, fleet: Fleet, seed: int) -> tuple[Floats, Callable[[NDArray[np.floating[Any]]], Floats]]:
    """What signals are made of in each block, and what tells the violations behind so many instances in each block."""
    if fleet.on_demand is not None:
        containers = Containers(arrivals, fleet, fleet.on_demand, np.random.default_rng(seed))
        return containers.most_at_once(), containers.violations_by_minute
    by_block = arrivals.reshape(-1, BLOCK_SECONDS).sum(axis=1)
    return by_block, lambda instances: violations_by_minute(arrivals, instances, fleet)


class _Run:
    """The state of all lanes, and what it was in each block."""

    def __init__(self, policies: Sequence[Scaling], fleet: Fleet, minimums: Ints, random: np.random.Generator) -> None:
        blocks, lanes = len(minimums) * MINUTE_BLOCKS, len(policies)
        self.in_service, self.serving, self.paid = (np.zeros((blocks, lanes), dtype=np.float32) for _ in range(3))
        self._minimums = minimums.astype(np.float64)
        self._maximum = np.array([float(policy.maximum) for policy in policies])
        first = np.minimum(self._minimums[0], self._maximum)
        self._capacity = Capacity(desired=first, in_service=first)
        self._signals = watched(policies, fleet)
        drawn = fleet.provisioning.draw(random, blocks)
        self._takes = np.maximum(1, np.ceil(drawn / BLOCK_SECONDS)).astype(np.int64)
        self._leaves = -(-fleet.scale_in_seconds // BLOCK_SECONDS)
        self._warm_up = -(-fleet.warm_up_seconds // BLOCK_SECONDS)
        self._cold_share = 1 - fleet.warm_up_share
        self._cold = np.zeros(lanes)
        self._coming: dict[int, Floats] = {}
        self._warming: dict[int, Floats] = {}
        self._updating_until = np.zeros(lanes, dtype=np.int64)
        self._blocked = False

    def block(self, block: int, load: float) -> None:
        self._arrive(block)
        now = self._capacity
        self.in_service[block], self.paid[block] = now.in_service, now.desired
        self.serving[block] = np.maximum(now.in_service - self._cold, 0)
        wanted, asked = self._asked(block, load)
        minute, is_last = divmod(block + 1, MINUTE_BLOCKS)
        if asked or self._blocked or is_last == 0:
            minimum = self._minimums[min(minute, len(self._minimums) - 1)]
            wanted = np.minimum(np.maximum(wanted, minimum), self._maximum)
            self._change(block, wanted, asked)

    def _arrive(self, block: int) -> None:
        come = self._coming.pop(block, None)
        if come is not None:
            self._capacity.in_service = self._capacity.in_service + come
            if self._warm_up:
                self._cold = self._cold + come * self._cold_share
                self._warming[block + self._warm_up] = come * self._cold_share
        self._cold = np.maximum(self._cold - self._warming.pop(block, 0), 0)

    def _asked(self, block: int, load: float) -> tuple[Floats, list[tuple[Controller, Floats]]]:
        """The capacity that the policies want, and those that have judged a value, each with what it asks for."""
        desired = self._capacity.desired
        more, less, asked = np.zeros(len(desired)), np.full(len(desired), np.inf), []
        for signal in self._signals:
            values = signal.due(block, load, self._capacity.in_service)
            if values is None:
                continue
            for controller in signal.controllers:
                at_least, at_most = controller.judge(block, values, self._capacity)
                more, less = np.maximum(more, at_least), _larger(less, at_most)
                asked.append((controller, at_least))
        return np.where(more > desired, more, np.minimum(desired, less)) if asked else desired, asked

    def _change(self, block: int, wanted: Floats, asked: list[tuple[Controller, Floats]]) -> None:
        desired = self._capacity.desired
        free = self._updating_until <= block
        out, scale_in = (wanted > desired) & free, (wanted < desired) & free
        self._blocked = bool((self._minimums[block // MINUTE_BLOCKS] > desired).any())
        if out.any():
            completes = block + 1 + int(self._takes[block])
            self._coming[completes] = self._coming.get(completes, 0) + np.where(out, wanted - desired, 0)
            self._updating_until = np.where(out, completes, self._updating_until)
            for controller, at_least in asked:
                controller.scaled_out(out & (at_least >= wanted), (block, completes), desired)
        if scale_in.any():
            self._updating_until = np.where(scale_in, block + 1 + self._leaves, self._updating_until)
            self._capacity.in_service = np.where(scale_in, wanted, self._capacity.in_service)
            for signal in self._signals:
                for controller in signal.controllers:
                    controller.scaled_in(scale_in, block)
        self._capacity.desired = np.where(out | scale_in, wanted, desired)


def _larger(less: Floats, at_most: Floats) -> Floats:
    """What two policies want at most, of which infinity wants nothing."""
    found: Floats = np.where(np.isinf(less), at_most, np.where(np.isinf(at_most), less, np.maximum(less, at_most)))
    return found
