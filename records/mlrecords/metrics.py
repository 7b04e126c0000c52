"""Values that were logged one after the other, as a metric of a record. Pure."""

import math
from collections.abc import Iterable

from mlrecords.record import Metric

MOST_STEPS = 1000


def metric_of(history: Iterable[tuple[int, float]]) -> Metric | None:
    """The metric of values by step, in the order in which they were logged: of two at one step the later one counts.

    Of more than 1,000 steps the record holds 1,000, spread evenly with the first and the last: it is read as a whole, and MLflow
    has them all. What is not finite is left out, as JSON has no such number; None if nothing is left.
    """
    by_step = {step: float(value) for step, value in history if math.isfinite(value)}
    if not by_step:
        return None
    steps = sorted(by_step)
    last = by_step[steps[-1]]
    if len(steps) == 1:
        return Metric(value=last)
    count = min(len(steps), MOST_STEPS)
    kept = [steps[index * (len(steps) - 1) // (count - 1)] for index in range(count)]
    return Metric(value=last, steps={str(step): by_step[step] for step in kept})
