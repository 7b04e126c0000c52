"""What an instance can do, and how long it takes to come: the part of a replay that a load test measures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlscaling.measurements.load_test import LoadTest
from mlscaling.policies.problems import InvalidScalingError, not_positive, raise_if_any
from mlscaling.policies.scaling import Scaling

ANSWERED_WITHIN_SECONDS = 900
"""How long a request to an asynchronous endpoint may take when nobody says: what an instance takes to come, twice, and the alarms."""
EXPIRES_AFTER_SECONDS = 21_600
"""After which an asynchronous endpoint drops a request, at most (API reference, InvokeEndpointAsync, RequestTTLSeconds)."""


@dataclass(frozen=True, kw_only=True)
class Provisioning:
    """Seconds from the decision until an instance takes requests: a triangular distribution, or a number if all are equal.

    Published figures are from 134 (containers cached) to 525 seconds. Raises `InvalidScalingError`.
    """

    shortest_seconds: float
    usual_seconds: float
    longest_seconds: float

    def __post_init__(self) -> None:
        seconds = (self.shortest_seconds, self.usual_seconds, self.longest_seconds)
        if not (0 <= seconds[0] <= seconds[1] <= seconds[2] < math.inf):
            shown = ", ".join(f"{one:g}" for one in seconds)
            raise InvalidScalingError(f"provisioning takes {shown} seconds; use 0 or more, the shortest first")

    @classmethod
    def fixed(cls, seconds: float) -> Provisioning:
        """Each instance takes the same time."""
        return cls(shortest_seconds=seconds, usual_seconds=seconds, longest_seconds=seconds)

    def draw(self, random: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Whole seconds for `count` provisionings."""
        if self.shortest_seconds == self.longest_seconds:
            return np.full(count, round(self.usual_seconds), dtype=np.int64)
        drawn = random.triangular(self.shortest_seconds, self.usual_seconds, self.longest_seconds, count)
        return np.rint(drawn).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class OnDemand:
    """Containers that a serverless endpoint starts for requests that no warm one has room for.

    Attributes:
        max_concurrency: how many requests are at work at once, in warm containers and others; more are throttled.
        cold_start_seconds: until a container that is started takes its request: what `ModelSetupTime` says in CloudWatch.
        idle_container_seconds: how long one that has nothing to do is kept. Nobody has published it: 300 is a guess.

    Raises `InvalidScalingError`.
    """

    max_concurrency: int
    cold_start_seconds: float
    idle_container_seconds: float = 300

    def __post_init__(self) -> None:
        raise_if_any(*(not_positive(name, value) for name, value in vars(self).items()))


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Instances of one type behind an endpoint.

    Attributes:
        requests_per_second: what one instance serves at the latency objective: the knee of the load test.
        provisioning: time until a new instance serves.
        concurrency: how many requests an instance has in flight at the knee.
        longest_wait_seconds: a request that waits longer counts as a violation.
        queue_seconds: how much work an instance lets wait, one request at least; beyond that it rejects. Infinite if requests wait
            in a queue of the endpoint, as those of an asynchronous one do: see `queueing`. An instance that lets more
            wait than its objective allows serves late what it could reject early, see `refusing`.
        warm_up_seconds, warm_up_share: how long a new instance is slow, and the share of its rate that it then serves.
        scale_in_seconds: how long an endpoint is `Updating` after it lost instances, and takes no other change. Nobody has published it.
        on_demand: that the instances are the warm containers of a serverless endpoint, of which each has one request at a time and none
            waiting, and what others are started; None for any other endpoint.
        minute_delay_seconds, fast_delay_seconds: from the end of a metric's period until an alarm judges it.

    Raises `InvalidScalingError`.
    """

    requests_per_second: float
    provisioning: Provisioning
    concurrency: float = 1.0
    longest_wait_seconds: float = 1.0
    queue_seconds: float = 2.0
    warm_up_seconds: int = 0
    warm_up_share: float = 0.5
    scale_in_seconds: int = 60
    minute_delay_seconds: int = 60
    fast_delay_seconds: int = 10
    on_demand: OnDemand | None = None

    def __post_init__(self) -> None:
        names = ("requests_per_second", "concurrency", "longest_wait_seconds")
        raise_if_any(*(not_positive(name, getattr(self, name)) for name in names))

    @classmethod
    def tested(cls, load_test: LoadTest, provisioning: Provisioning) -> Fleet:
        """Instances as a load test has found them."""
        return cls(
            requests_per_second=load_test.requests_per_second,
            concurrency=load_test.concurrency,
            provisioning=provisioning,
        )

    @property
    def requests_to_queue(self) -> int:
        """How many an instance should let wait: half of what it answers in the longest wait, so that one that serves half of what
        was tested still answers them in time."""
        return max(1, math.floor(self.requests_per_second * self.longest_wait_seconds / 2))

    @property
    def answers_late(self) -> bool:
        """Whether more requests wait at an instance than it can answer in time."""
        return self.queue_seconds > self.longest_wait_seconds

    def refusing(self, max_queued_requests: int) -> Fleet:
        """The same instances, each of which lets so many requests wait and refuses the others at once.

        Raises `InvalidScalingError` where requests do not wait at instances: behind an asynchronous or a serverless endpoint.
        """
        if self.is_asynchronous or self.on_demand is not None:
            kind = "an asynchronous" if self.is_asynchronous else "a serverless"
            problem = f"max_queued_requests is {max_queued_requests}, and requests of {kind} endpoint do not wait at instances"
            raise InvalidScalingError(f"{problem}; leave it out")
        return replace(self, queue_seconds=max_queued_requests / self.requests_per_second)

    def weaker(self, share: float) -> Fleet:
        """The same instances, each of which serves less by this share of its rate; as many requests wait at it."""
        left = 1 - share
        return replace(
            self, requests_per_second=self.requests_per_second * left, queue_seconds=self.queue_seconds / left
        )

    def queueing(self, *, longest_wait_seconds: float = ANSWERED_WITHIN_SECONDS) -> Fleet:
        """The same instances behind an asynchronous endpoint: no request is rejected, and one that is answered later is a violation.

        Raises `InvalidScalingError` for a wait that no request lives through.
        """
        if longest_wait_seconds > EXPIRES_AFTER_SECONDS:
            raise InvalidScalingError(
                f"longest_wait_seconds is {longest_wait_seconds:g}; use {EXPIRES_AFTER_SECONDS} at most, after which requests expire"
            )
        return replace(self, queue_seconds=math.inf, longest_wait_seconds=longest_wait_seconds)

    def for_policy(
        self, policy: Scaling, longest_wait_seconds: float | None, max_queued_requests: int | None = None
    ) -> Fleet:
        """The same instances behind the kind of endpoint that a policy is for; the wait and the queue of that kind when not given.

        Raises as `queueing` and `refusing` do.
        """
        usual = ANSWERED_WITHIN_SECONDS if policy.is_asynchronous else self.longest_wait_seconds
        wait = usual if longest_wait_seconds is None else longest_wait_seconds
        fleet = (
            self.queueing(longest_wait_seconds=wait)
            if policy.is_asynchronous
            else replace(self, longest_wait_seconds=wait)
        )
        return fleet if max_queued_requests is None else fleet.refusing(max_queued_requests)

    @property
    def is_asynchronous(self) -> bool:
        """Whether requests wait for an instance, however long it takes."""
        return math.isinf(self.queue_seconds)

    @property
    def unit(self) -> str:
        """What people call one of them."""
        return "instance" if self.on_demand is None else "warm container"

    def instances_for(self, requests_per_second: NDArray[np.float64]) -> NDArray[np.float64]:
        """As many as a rate needs: 1 at least, and whole ones, but where requests may wait for the next whole one."""
        needed: NDArray[np.float64] = requests_per_second / self.requests_per_second
        return needed if self.is_asynchronous else np.maximum(1, np.ceil(needed - 1e-9))

    def metric_delay_seconds(self, period_seconds: int) -> int:
        """Of a metric with this period."""
        return self.minute_delay_seconds if period_seconds >= 60 else self.fast_delay_seconds
