"""Distances between distributions.

Source: "Schema for Constraints", SageMaker Developer Guide; the correction for small samples is that of awslabs/deequ, Distance.scala.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from .settings import AnalysisError, Document

# Deequ subtracts this much of the sampling error, so that small samples do not look like drift.
_ROBUST_FACTOR = 1.8


def numerical_distance(baseline: Document, current: Document, method: str) -> float:
    """The largest difference of two cumulative distributions: `Simple` as it is, `Robust` less what small samples explain."""
    first, second = (_weighted(statistics) for statistics in (baseline, current))
    points = numpy.union1d(first[0], second[0])
    largest = float(numpy.abs(_cumulative(*first, points) - _cumulative(*second, points)).max())
    return _corrected(largest, float(first[1].sum()), float(second[1].sum()), method)


def categorical_distance(baseline: Document, current: Document, method: str) -> float:
    """The largest difference of a category's share (LInfinity)."""
    first, second = (_shares(statistics) for statistics in (baseline, current))
    sizes = [float(sum(counts.values())) for counts in (first, second)]
    largest = max(
        abs(first.get(key, 0) / sizes[0] - second.get(key, 0) / sizes[1]) for key in first.keys() | second.keys()
    )
    return _corrected(largest, sizes[0], sizes[1], method)


def _corrected(distance: float, first: float, second: float, method: str) -> float:
    match method:
        case "Simple":
            return distance
        case "Robust":
            return max(0.0, distance - _ROBUST_FACTOR * math.sqrt((first + second) / (first * second)))
        case _:
            raise AnalysisError(f"comparison_method {method!r} is not Robust or Simple")


def _weighted(numerical: Document) -> tuple[Any, Any]:
    """Sorted values and their weights, from the sketch."""
    levels = numerical["distribution"]["kll"]["sketch"]["data"]
    values = numpy.concatenate([numpy.asarray(level, dtype=float) for level in levels])
    weights = numpy.concatenate([numpy.full(len(level), 2.0**number) for number, level in enumerate(levels)])
    order = numpy.argsort(values, kind="stable")
    return values[order], weights[order]


def _cumulative(values: Any, weights: Any, points: Any) -> Any:
    totals = numpy.concatenate([[0.0], numpy.cumsum(weights)])
    return totals[numpy.searchsorted(values, points, side="right")] / totals[-1]


def _shares(text: Document) -> dict[str, float]:
    return {str(bucket["value"]): float(bucket["count"]) for bucket in text["distribution"]["categorical"]["buckets"]}
