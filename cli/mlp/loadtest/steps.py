"""What one step of a load test has measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The latency objective: a share of the requests is answered within so many seconds. One that fails never is."""

    latency_seconds: float
    quantile: float = 0.99


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One request. `due_seconds` is when it was to be sent, from the begin of the step; `late_seconds`, how much later it was asked for.

    `latency_seconds` counts from when it was due, so that a request that had to wait for others to be answered is slow, too.
    """

    due_seconds: float
    late_seconds: float
    latency_seconds: float
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """Requests at one rate, of all instances together. Latencies are None where requests failed.

    `cut_short`: most of it was not sent, since what was sent piled up or failed.
    """

    requests_per_second: float
    seconds: float
    requests: int
    errors: int
    first_error: str | None
    p50_seconds: float | None
    p90_seconds: float | None
    p99_seconds: float | None
    goal_seconds: float | None
    mean_seconds: float | None
    generator_late_seconds: float
    cut_short: bool
    meets: bool
    confirming: bool = False

    @classmethod
    def of(
        cls,
        answers: Sequence[Answer],
        goal: Goal,
        *,
        requests_per_second: float,
        seconds: float,
        cut_short: bool,
        confirming: bool,
    ) -> Step:
        """The first quarter is left out, in which queues settle, unless it is all there is."""
        settled = [one for one in answers if one.due_seconds >= seconds / 4]
        counted = settled if settled and not cut_short else list(answers)
        latencies = sorted(math.inf if one.error is not None else one.latency_seconds for one in counted)
        served = [one.latency_seconds for one in counted if one.error is None]
        at_goal = quantile(latencies, goal.quantile)
        return cls(
            requests_per_second=requests_per_second,
            seconds=seconds,
            requests=len(counted),
            errors=len(counted) - len(served),
            first_error=next((one.error for one in counted if one.error is not None), None),
            p50_seconds=_finite(quantile(latencies, 0.5)),
            p90_seconds=_finite(quantile(latencies, 0.9)),
            p99_seconds=_finite(quantile(latencies, 0.99)),
            goal_seconds=_finite(at_goal),
            mean_seconds=sum(served) / len(served) if served else None,
            generator_late_seconds=max((one.late_seconds for one in counted), default=0.0),
            cut_short=cut_short,
            meets=not cut_short and at_goal <= goal.latency_seconds,
            confirming=confirming,
        )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share does not exceed; infinite without any."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
