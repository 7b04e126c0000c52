"""Demand on an endpoint: requests in each second, from a recorded trace or made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

DAY_SECONDS = 86_400
MINUTE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The expected rate in each second; `arrivals` draws what then comes. Second 0 is a midnight of the trace's own time."""

    requests_per_second: NDArray[np.float64]
    name: str = "demand"

    @property
    def seconds(self) -> int:
        return len(self.requests_per_second)

    @classmethod
    def interpolated(cls, counts: Sequence[float], *, interval_seconds: int, name: str = "demand") -> Demand:
        """A trace of counts by interval, as a rate that goes straight from the middle of one interval to that of the next."""
        rate = np.asarray(counts, dtype=np.float64) / interval_seconds
        middles = (np.arange(len(rate)) + 0.5) * interval_seconds
        seconds = np.arange(len(rate) * interval_seconds, dtype=np.float64)
        return cls(requests_per_second=np.interp(seconds, middles, rate), name=name)

    def scaled_to(self, *, mean_requests_per_second: float) -> Demand:
        """The same shape at another size."""
        rate = self.requests_per_second
        return replace(self, requests_per_second=rate * (mean_requests_per_second / rate.mean()))

    def between(self, first_second: int, end_second: int) -> Demand:
        """A part of it, which begins at second 0."""
        return replace(self, requests_per_second=self.requests_per_second[first_second:end_second])

    def with_spike(self, *, at_second: int, factor: float, rise_seconds: int, hold_seconds: int, fall_seconds: int) -> Demand:
        """Times `factor` from `at_second` on: rising, holding and falling in straight lines."""
        corners = np.cumsum([at_second, rise_seconds, hold_seconds, fall_seconds])
        times = np.interp(np.arange(self.seconds), corners, [1.0, factor, factor, 1.0])
        return replace(self, requests_per_second=self.requests_per_second * times)

    def arrivals(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Requests in each second, as a Poisson process with this rate has them."""
        return random.poisson(self.requests_per_second).astype(np.float64)
