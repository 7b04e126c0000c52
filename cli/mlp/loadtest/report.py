"""The result of a load test: the file that `mlp scaling` and `ScalingProof` read, and the curve for people. See docs/load-tests.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.table import Table

from mlp.files import write_whole
from mlp.loadtest.endpoint import Capacity, Unit
from mlp.loadtest.knee import LimitedBy, Search
from mlp.loadtest.steps import Goal, Step
from mlrecords.codec import to_json

_WHY = {
    LimitedBy.LATENCY: "above it, the latency objective is missed",
    LimitedBy.ERRORS: "above it, requests fail",
    LimitedBy.GENERATOR: "above it, this machine was too slow to send in time: test from a larger one, and nearer to the endpoint",
    LimitedBy.MOST_RPS: "it may be more: --most-rps allowed no higher rate",
    LimitedBy.MOST_SECONDS: "--most-minutes allowed no further step",
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """A file. Rates of steps are of all units together; `requests_per_second` and `concurrency` are of one, at the knee."""

    endpoint: str
    variant: str
    component: str | None
    instance_type: str | None
    unit: Unit
    units: int
    instances: int
    started_at: datetime
    goal: Goal
    requests_per_second: float | None
    concurrency: float | None
    confirmed: bool
    limited_by: LimitedBy
    steps: tuple[Step, ...]

    @classmethod
    def of(
        cls,
        search: Search,
        goal: Goal,
        capacity: Capacity,
        *,
        endpoint: str,
        variant: str,
        component: str | None,
        started_at: datetime,
    ) -> Report:
        """Requests in flight are the rate times the time that each takes (Little's law)."""
        knee = search.knee
        rate = None if knee is None else knee.requests_per_second / capacity.count
        mean = None if knee is None else knee.mean_seconds
        return cls(
            endpoint=endpoint,
            variant=variant,
            component=component,
            instance_type=capacity.instance_type,
            unit=capacity.unit,
            units=capacity.count,
            instances=capacity.paid_instances,
            started_at=started_at,
            goal=goal,
            requests_per_second=rate,
            concurrency=None if rate is None or mean is None else rate * mean,
            confirmed=knee is not None,
            limited_by=search.limited_by,
            steps=search.steps,
        )

    def document(self) -> dict[str, object]:
        """As JSON."""
        document: dict[str, object] = to_json(self)
        return document

    def write(self, path: Path) -> None:
        """The file appears whole or not at all."""
        write_whole(path, json.dumps(self.document(), indent=2, allow_nan=False) + "\n")

    def __str__(self) -> str:
        why = _WHY[self.limited_by]
        if self.requests_per_second is None:
            error = next((step.first_error for step in self.steps if step.first_error is not None), None)
            said = "" if error is None else f"; the first error was: {error}"
            return f"no knee was found: no rate met {self._objective()} for long enough; {why}{said}"
        return (
            f"one {self.unit} serves {self.requests_per_second:.3g} requests per second with {self._objective()}; {why}"
        )

    def _objective(self) -> str:
        return f"{self.goal.quantile:.4g} of them within {self.goal.latency_seconds:g} s"

    def curve(self) -> Table:
        """A row for each step."""
        table = Table("requests/s", "requests", "errors", "p50 ms", "p90 ms", "p99 ms", "")
        for step in self.steps:
            latencies = (step.p50_seconds, step.p90_seconds, step.p99_seconds)
            says = "meets" if step.meets else "cut short" if step.cut_short else "misses"
            table.add_row(
                f"{step.requests_per_second:.4g}",
                str(step.requests),
                str(step.errors),
                *("-" if value is None else f"{1000 * value:.0f}" for value in latencies),
                f"{says}, {step.seconds:.0f} s to confirm" if step.confirming else says,
            )
        return table
