"""Demand on an endpoint: requests in each second, from a recorded trace or made up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from mlscaling.measurements.history import History

DAY_SECONDS = 86_400
MINUTE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The expected rate in each second from `start` on, in the time of the trace; `arrivals` draws what then comes."""

    requests_per_second: NDArray[np.float64]
    start: datetime
    name: str = "demand"

    @property
    def seconds(self) -> int:
        """How long it is."""
        return len(self.requests_per_second)

    @classmethod
    def interpolated(cls, history: History, *, name: str = "demand") -> Demand:
        """A trace of counts by interval, as a rate that goes straight from the middle of one interval to that of the next."""
        rate = np.asarray(history.counts, dtype=np.float64) / history.interval_seconds
        middles = (np.arange(len(rate)) + 0.5) * history.interval_seconds
        known = np.isfinite(rate)
        seconds = np.arange(len(rate) * history.interval_seconds, dtype=np.float64)
        return cls(requests_per_second=np.interp(seconds, middles[known], rate[known]), start=history.start, name=name)

    def scaled_to(self, *, mean_requests_per_second: float) -> Demand:
        """The same shape at another size."""
        rate = self.requests_per_second
        return replace(self, requests_per_second=rate * (mean_requests_per_second / rate.mean()))

    def between(self, first_second: int, end_second: int) -> Demand:
        """A part of it."""
        start = self.start + timedelta(seconds=first_second)
        return replace(self, requests_per_second=self.requests_per_second[first_second:end_second], start=start)

    def last(self, days: int) -> Demand:
        """Its last days, if it has more."""
        return self.between(max(0, self.seconds - days * DAY_SECONDS), self.seconds)

    def with_spike(
        self, *, at_second: int, factor: float, rise_seconds: int, hold_seconds: int, fall_seconds: int
    ) -> Demand:
        """Times `factor` from `at_second` on: rising, holding and falling in straight lines."""
        corners = np.cumsum([at_second, rise_seconds, hold_seconds, fall_seconds])
        rate = self.requests_per_second.copy()
        inside = np.arange(corners[0], min(corners[-1], self.seconds))
        rate[inside] *= np.interp(inside, corners, [1.0, factor, factor, 1.0])
        return replace(self, requests_per_second=rate)

    def counted(self, *, interval_seconds: int = 300) -> History:
        """What CloudWatch would have counted."""
        whole = self.seconds // interval_seconds
        counts = self.requests_per_second[: whole * interval_seconds].reshape(whole, interval_seconds).sum(axis=1)
        return History(start=self.start, interval_seconds=interval_seconds, counts=tuple(counts.tolist()))

    def arrivals(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Requests in each second, as a Poisson process with this rate has them."""
        return random.poisson(self.requests_per_second).astype(np.float64)
