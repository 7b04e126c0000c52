"""What a column looks like, in JSON that merges: see docs/batch-inference-files.md, "The profile of a column"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from batch_jobs.histograms import Histogram
from column_profiles.merging import MOST_CATEGORIES, Profile, combined


class ColumnProfile:
    """The profile of a column that is read piece by piece."""

    def __init__(self, *, numeric: bool) -> None:
        self._numeric = numeric
        self._count = self._nulls = self._infinite = self._finite = 0
        self._mean = self._m2 = 0.0
        self._min, self._max = math.inf, -math.inf
        self._histogram = Histogram()
        self._categories: dict[str, int] | None = {}

    def add(self, values: pa.ChunkedArray) -> None:
        """Add a piece of the column."""
        if self._numeric:
            self.add_numbers(values.to_numpy())
        else:
            self._count += len(values)
            self._nulls += values.null_count
            self._add_categories(values)

    def add_numbers(self, values: NDArray[Any]) -> None:
        """Add numbers; NaN is a missing one."""
        numbers = np.asarray(values, np.float64)
        self._count += len(numbers)
        finite = np.isfinite(numbers)
        present = numbers if finite.all() else numbers[finite]
        nulls = 0 if len(present) == len(numbers) else int(np.isnan(numbers).sum())
        self._nulls += nulls
        self._infinite += len(numbers) - len(present) - nulls
        if len(present):
            mean = float(present.mean())
            added = {"n": len(present), "mean": mean, "m2": float(np.square(present - mean).sum())}
            own = {"n": self._finite, "mean": self._mean, "m2": self._m2}
            self._mean, self._m2 = combined(own, added)
            self._finite += len(present)
            self._min, self._max = min(self._min, float(present.min())), max(self._max, float(present.max()))
            self._histogram.add(present)

    def to_json(self) -> Profile:
        """The profile so far."""
        known = self._numeric and self._finite > 0
        return {
            "count": self._count,
            "nulls": self._nulls,
            "infinite": self._infinite,
            "mean": self._mean if known else None,
            "std": math.sqrt(self._m2 / self._finite) if known else None,
            "min": self._min if known else None,
            "max": self._max if known else None,
            "m2": self._m2 if known else None,
            "histogram": self._histogram.to_json() if self._numeric else None,
            "categories": None if self._numeric or self._categories is None else dict(sorted(self._categories.items())),
        }

    def _add_categories(self, values: pa.ChunkedArray) -> None:
        if self._categories is None:
            return
        for found in pc.value_counts(values).to_pylist():
            if found["values"] is not None:
                name = str(found["values"])
                self._categories[name] = self._categories.get(name, 0) + found["counts"]
            if len(self._categories) > MOST_CATEGORIES:
                self._categories = None
                return


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column of this type is profiled as numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
