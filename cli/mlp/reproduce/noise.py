"""How far a metric may be from its record: learned from repeats of the same run, not assumed. Pure.

The recorded value is one draw, the repeats are five of the same distribution if nothing that matters has changed. So it should
lie in the prediction interval for one further observation of a normal distribution with unknown mean and variance,
mean +- t(n-1) * s * sqrt(1 + 1/n) (Hahn and Meeker, "Statistical Intervals", 1991, section 4.7). A run whose repeats are all equal
has no noise: then its record has to be equal as well.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

REPEATS = 5
FALSE_ALARMS = 0.001
"""How often a run that did come out the same may be called different, over all its metrics together (Bonferroni)."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """What a further run would give: `centre` +- `half_width`, in the metric's unit."""

    centre: float
    half_width: float

    def holds(self, value: float) -> bool:
        """Whether a value is one that a further run could give."""
        return abs(value - self.centre) <= self.half_width

    @property
    def is_exact(self) -> bool:
        """Whether the repeats did not vary at all."""
        return self.half_width == 0


def interval(repeats: Sequence[float], *, metrics: int) -> Interval:
    """From five repeats of one of so many metrics that are judged together."""
    if len(repeats) != REPEATS:
        raise ValueError(f"{len(repeats)} repeats are given; the quantile is that for {REPEATS}")
    if len(set(repeats)) == 1:
        return Interval(centre=repeats[0], half_width=0.0)
    quantile = student_quantile_4(1 - FALSE_ALARMS / (2 * metrics))
    width = quantile * statistics.stdev(repeats) * math.sqrt(1 + 1 / REPEATS)
    return Interval(centre=statistics.fmean(repeats), half_width=width)


def student_quantile_4(probability: float) -> float:
    """The quantile of Student's t with 4 degrees of freedom, for probabilities over one half.

    In closed form (W. T. Shaw, "Sampling Student's T distribution", Journal of Computational Finance 9(4), 2006, section 3.2).
    """
    root = math.sqrt(4 * probability * (1 - probability))
    return 2 * math.sqrt(math.cos(math.acos(root) / 3) / root - 1)
