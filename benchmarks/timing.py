"""Repeated, interleaved measurements: what is compared runs in turns, so that a busy machine slows all of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """Seconds of the repetitions of one thing."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def median_over(self, floor: Sample) -> float:
        """The median of what each turn took more than the floor in the same turn: a machine that is busy for a time slows both."""
        return statistics.median(mine - its for mine, its in zip(self.seconds, floor.seconds, strict=True))

    def __str__(self) -> str:
        """Minimum, median and maximum: the noise of the machine is in view."""
        return f"{min(self.seconds):.2f} / {self.median:.2f} / {max(self.seconds):.2f}"


def measure(subjects: Mapping[str, Callable[[], float | None]], *, repetitions: int) -> dict[str, Sample]:
    """Run the subjects in turns, `repetitions` times each.

    A subject that returns seconds has timed itself; the others are timed from call to return.
    """
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(repetitions):
        for name, subject in subjects.items():
            began = time.perf_counter()
            own = subject()
            seconds[name].append(time.perf_counter() - began if own is None else own)
    return {name: Sample(tuple(values)) for name, values in seconds.items()}


def ratio(sample: Sample, floor: Sample) -> str:
    """How many times the floor, by the medians."""
    return f"{sample.median / floor.median:.2f}"
