"""What an instance can do, and how long it takes to come: the part of a replay that a load test measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Provisioning:
    """Seconds from the decision until an instance takes requests: a triangular distribution, or a number if all are equal.

    Published figures are from 134 (containers cached) to 525 seconds.
    """

    shortest_seconds: float
    usual_seconds: float
    longest_seconds: float

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
class Fleet:
    """Instances of one type behind an endpoint.

    Attributes:
        requests_per_second: what one instance serves at the latency objective: the knee of the load test.
        concurrency: how many requests it then has in flight.
        longest_wait_seconds: a request that waits longer counts as a violation.
        queue_seconds: how much work an instance lets wait; beyond that it rejects.
        provisioning: time until a new instance serves.
        one_update_at_a_time: an endpoint that is `Updating` takes no other change of its capacity until it is `InService`
            (API reference, `UpdateEndpointWeightsAndCapacities`).
    """

    requests_per_second: float
    provisioning: Provisioning
    concurrency: float = 1.0
    longest_wait_seconds: float = 1.0
    queue_seconds: float = 2.0
    one_update_at_a_time: bool = True
