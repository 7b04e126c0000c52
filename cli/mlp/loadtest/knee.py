"""The search for the knee: the highest rate at which the latency objective is still met."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from mlp.loadtest.steps import Step

GROWTH = 1.5
PRECISION = 1.08
BACK = 0.93
CONFIRMING = 3
"""How much longer the confirmation takes than a step."""
FEWEST_REQUESTS = 50
"""In a step: at low rates it takes longer."""

Measure = Callable[[float, float, bool], Step]
"""Rate, seconds, and whether it is to confirm."""


class LimitedBy(enum.Enum):
    """Why there is no higher rate."""

    LATENCY = "latency"
    ERRORS = "errors"
    GENERATOR = "generator"
    MOST_RPS = "most_rps"
    MOST_SECONDS = "most_seconds"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a load test may do. Rates are of all instances together."""

    first_rps: float
    most_rps: float
    step_seconds: float
    most_seconds: float

    def seconds(self, requests_per_second: float, *, confirming: bool) -> float:
        """Of a step."""
        seconds = max(self.step_seconds, FEWEST_REQUESTS / requests_per_second)
        return seconds * (CONFIRMING if confirming else 1)


@dataclass(frozen=True, kw_only=True)
class Search:
    """All steps, in order; the one that confirmed the knee, None if none has; and what there was in the way."""

    steps: tuple[Step, ...]
    knee: Step | None
    limited_by: LimitedBy


class _OutOfTimeError(Exception):
    """The next step would take too long."""


@dataclass
class _Searching:
    measure: Measure
    limits: Limits
    latency_seconds: float
    steps: list[Step] = field(default_factory=list)

    def search(self) -> Search:
        """Up by half each time until a rate fails twice, then halves of what is between, then a long step at what was best."""
        try:
            good, bad = self._ramp()
            limit = LimitedBy.MOST_RPS if bad is None else self._reason(bad)
            if bad is not None:
                good = self._narrow(good, bad.requests_per_second)
            return self._search(self._confirm(good), limit)
        except _OutOfTimeError:
            return self._search(None, LimitedBy.MOST_SECONDS)

    def _ramp(self) -> tuple[float, Step | None]:
        good, rate = 0.0, self.limits.first_rps
        while True:
            step = self._step(rate)
            if not step.meets:
                step = self._step(rate)
            if not step.meets:
                return good, step
            if rate >= self.limits.most_rps:
                return rate, None
            good, rate = rate, min(rate * GROWTH, self.limits.most_rps)

    def _narrow(self, good: float, bad: float) -> float:
        while good and bad / good > PRECISION:
            middle = math.sqrt(good * bad)
            if self._step(middle).meets:
                good = middle
            else:
                bad = middle
        return good

    def _confirm(self, rate: float) -> Step | None:
        while rate >= self.limits.first_rps:
            step = self._step(rate, confirming=True)
            if step.meets:
                return step
            rate *= BACK
        return None

    def _step(self, rate: float, *, confirming: bool = False) -> Step:
        seconds = self.limits.seconds(rate, confirming=confirming)
        if sum(step.seconds for step in self.steps) + seconds > self.limits.most_seconds:
            raise _OutOfTimeError
        self.steps.append(self.measure(rate, seconds, confirming))
        return self.steps[-1]

    def _reason(self, step: Step) -> LimitedBy:
        if step.generator_late_seconds > self.latency_seconds / 2:
            return LimitedBy.GENERATOR
        return LimitedBy.ERRORS if step.errors else LimitedBy.LATENCY

    def _search(self, knee: Step | None, limited_by: LimitedBy) -> Search:
        return Search(steps=tuple(self.steps), knee=knee, limited_by=limited_by)


def find_knee(measure: Measure, limits: Limits, *, latency_seconds: float) -> Search:
    """Measure at rising rates until the objective is missed, and confirm the highest that meets it."""
    return _Searching(measure, limits, latency_seconds).search()
