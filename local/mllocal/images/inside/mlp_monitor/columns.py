"""One column: its inferred type, its statistics, its distribution. The shapes are those of statistics.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import pandas

from .settings import Document

BUCKETS = 10
SKETCH_SIZE = 2048
CATEGORICAL_LIMIT = 120
_INTEGRAL = r"[+-]?\d+"


class Column:
    """A column of a dataset, analyzed."""

    def __init__(self, name: str, values: pandas.Series) -> None:
        self.name = name
        self.count = len(values)
        self._present = values.dropna()
        text = self._present.astype(str).str.strip()
        numbers = pandas.to_numeric(text, errors="coerce")
        self._is_number = numbers.notna()
        self._is_integral = text.str.fullmatch(_INTEGRAL)
        self._text = text
        self._numbers = numbers[self._is_number].to_numpy(dtype=float)

    @property
    def inferred_type(self) -> str:
        """Integral, Fractional, String, or Unknown for a column without values."""
        if self._present.empty:
            return "Unknown"
        if not bool(self._is_number.all()):
            return "String"
        return "Integral" if bool(self._is_integral.all()) else "Fractional"

    @property
    def completeness(self) -> float:
        """The share of rows that have a value."""
        return len(self._present) / self.count

    def share_of_type(self, expected: str) -> float:
        """The share of present values that are of a type; an integer is also fractional, anything is also text."""
        if self._present.empty or expected in ("String", "Unknown"):
            return 1.0
        return float((self._is_integral if expected == "Integral" else self._is_number).mean())

    def share_within(self, domain: Sequence[str]) -> float:
        """The share of present values that are in a domain."""
        return 1.0 if self._present.empty else float(self._text.isin(list(domain)).mean())

    def statistics(self) -> Document:
        """The column's entry in statistics.json."""
        common = {"num_present": len(self._present), "num_missing": self.count - len(self._present)}
        entry: Document = {"name": self.name, "inferred_type": self.inferred_type}
        if self.inferred_type in ("Integral", "Fractional"):
            return {**entry, "numerical_statistics": {"common": common, **self._numerical()}}
        counts = self._text.value_counts()
        text: Document = {"common": common, "distinct_count": float(len(counts))}
        if 0 < len(counts) <= CATEGORICAL_LIMIT:
            buckets = [{"value": str(value), "count": int(count)} for value, count in sorted(counts.items())]
            text["distribution"] = {"categorical": {"buckets": buckets}}
        return {**entry, "string_statistics": text}

    def constraints(self) -> Document:
        """The column's entry in constraints.json."""
        entry: Document = {"name": self.name, "inferred_type": self.inferred_type, "completeness": self.completeness}
        if self.inferred_type in ("Integral", "Fractional"):
            return {**entry, "num_constraints": {"is_non_negative": bool(self._numbers.min() >= 0)}}
        domain = sorted(self._text.unique())
        if self.inferred_type == "String" and len(domain) <= CATEGORICAL_LIMIT:
            return {**entry, "string_constraints": {"domains": domain}}
        return entry

    def _numerical(self) -> Document:
        values = self._numbers
        return {
            "mean": float(values.mean()),
            "sum": float(values.sum()),
            "std_dev": float(values.std()),
            "min": float(values.min()),
            "max": float(values.max()),
            "distribution": {"kll": {"buckets": _buckets(values), "sketch": _sketch(values)}},
        }


def _buckets(values: Any) -> list[Document]:
    counts, edges = numpy.histogram(values, bins=BUCKETS)
    return [
        {"lower_bound": float(low), "upper_bound": float(high), "count": float(count)}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]


def _sketch(values: Any) -> Document:
    """A quantile sketch in the form of KLL: values of level n stand for 2^n values. Exact up to its size."""
    ordered = numpy.sort(values)
    level = 0
    rest: list[float] = []
    while len(ordered) > SKETCH_SIZE:
        if len(ordered) % 2:
            rest += [float(ordered[-1])] * (1 << level)
            ordered = ordered[:-1]
        ordered = ordered[level % 2 :: 2]
        level += 1
    levels: list[list[float]] = [[] for _ in range(level + 1)]
    levels[level] = [float(value) for value in ordered]
    levels[0] = levels[0] + rest
    return {"parameters": {"c": 0.64, "k": float(SKETCH_SIZE)}, "data": levels}
