"""What endpoints tell CloudWatch: values gathered for a period, and published when the next one is over, as late as AWS does.

Source: Amazon SageMaker AI developer guide, "SageMaker AI metrics in Amazon CloudWatch". `ConcurrentRequestsPerModel` is sampled at each
instance, with what waits there; the others have a value for each request.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mllocal.sagemaker.store import Scope

NAMESPACE = "AWS/SageMaker"
MINUTE, FAST_SECONDS = 60, 10
NO_CAPACITY = "NoCapacityInvocationFailures"
NO_CAPACITY_SECONDS = 30  # The developer guide, "Scale an endpoint to zero instances": the period of its alarm.
_DIGITS = 3
_OF_COPIES = {
    "InvocationsPerInstance": "InvocationsPerCopy",
    "ConcurrentRequestsPerModel": "ConcurrentRequestsPerCopy",
}

MetricSink = Callable[[Scope, str, Sequence[dict[str, Any]]], None]
"""Takes data as `PutMetricData` has it."""


@dataclass(frozen=True)
class Series:
    """One metric of one endpoint, variant or component, with its period in seconds of the clock of scaling."""

    scope: Scope
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str = "None"
    period_seconds: float = MINUTE


@dataclass(frozen=True)
class VariantSeries:
    """The metrics of a variant. `period_seconds` is of all but the concurrent requests, which are ten-second ones."""

    scope: Scope
    endpoint: str
    variant: str
    period_seconds: float = MINUTE

    def of(self, name: str, unit: str = "None") -> Series:
        """One of them."""
        period = FAST_SECONDS if name == "ConcurrentRequestsPerModel" else self.period_seconds
        dimensions = (("EndpointName", self.endpoint), ("VariantName", self.variant))
        return Series(self.scope, name, dimensions, unit, period)


@dataclass(frozen=True)
class ComponentSeries:
    """The metrics of an inference component, under the names that AWS has for those of variants and of copies."""

    scope: Scope
    component: str
    period_seconds: float = MINUTE

    def of(self, name: str, unit: str = "None") -> Series:
        """One of them, by its name at a variant."""
        period = {"ConcurrentRequestsPerModel": FAST_SECONDS, NO_CAPACITY: NO_CAPACITY_SECONDS}
        own = _OF_COPIES.get(name, name)
        dimensions = (("InferenceComponentName", self.component),)
        return Series(self.scope, own, dimensions, unit, period.get(name, self.period_seconds))


class Measurements:
    """The values of periods that are not published yet."""

    def __init__(self, sink: MetricSink, speed: float) -> None:
        self._sink = sink
        self._speed = speed
        self._lock = threading.Lock()
        self._open: defaultdict[tuple[Series, int], Counter[float]] = defaultdict(Counter)

    def record(self, series: Series, value: float) -> None:
        """Take a value, with three digits: a period has few different ones, so that percentiles cost little."""
        slot = int(time.time() / self._real(series))
        with self._lock:
            self._open[series, slot][float(f"{value:.{_DIGITS}g}")] += 1

    def publish(self) -> None:
        """Send the periods that are over since one more."""
        now = time.time()
        with self._lock:
            due = [key for key in self._open if (key[1] + 2) * self._real(key[0]) <= now]
            values = {key: self._open.pop(key) for key in due}
        by_scope: defaultdict[Scope, list[dict[str, Any]]] = defaultdict(list)
        for (series, slot), counted in values.items():
            by_scope[series.scope].append(self._datum(series, slot, counted))
        for scope, data in by_scope.items():
            self._sink(scope, NAMESPACE, data)

    def _datum(self, series: Series, slot: int, counted: Counter[float]) -> dict[str, Any]:
        return {
            "MetricName": series.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
            # In the middle, so that no rounding moves it into the period before.
            "Timestamp": (slot + 0.5) * self._real(series),
            "Unit": series.unit,
            "Values": list(counted),
            "Counts": [float(count) for count in counted.values()],
        }

    def _real(self, series: Series) -> float:
        return series.period_seconds / self._speed
