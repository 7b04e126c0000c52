"""What a column looks like, in JSON that merges: see docs/batch-inference-files.md, "The profile of a column"."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from batch_jobs.histograms import Histogram, coarse, merge_histograms

MOST_CATEGORIES = 200
BINS = 10
_SMALLEST_SHARE = 1e-4

Json = Mapping[str, Any]
Profile = dict[str, Any]


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
            self._mean, self._m2 = _combined(own, added)
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


def merge(first: Json, second: Json) -> Profile:
    """The profile of both columns one after the other."""
    merged: Profile = {key: first[key] + second[key] for key in ("count", "nulls", "infinite")}
    sides = [{"n": _finite(one), **one} for one in (first, second) if one["mean"] is not None]
    if len(sides) == 2:
        mean, m2 = _combined(sides[0], sides[1])
        std = math.sqrt(m2 / (sides[0]["n"] + sides[1]["n"]))
        lowest, highest = min(one["min"] for one in sides), max(one["max"] for one in sides)
        merged.update(mean=mean, std=std, min=lowest, max=highest, m2=m2)
    else:
        merged.update({key: sides[0][key] if sides else None for key in ("mean", "std", "min", "max", "m2")})
    histograms = [one["histogram"] for one in (first, second) if one["histogram"] is not None]
    merged["histogram"] = merge_histograms(*histograms) if len(histograms) == 2 else None
    merged["categories"] = _merged_categories(first["categories"], second["categories"])
    return merged


def population_stability_index(earlier: Json, now: Json) -> float | None:
    """How far a column has moved from an earlier profile; None where the two have no distribution to compare.

    Below 0.1 is by convention stable, above 0.25 is moved. See Yurdakul, "Statistical Properties of Population Stability Index" (2018).
    """
    bins = list(_bins(earlier, now))
    totals = [sum(pair[side] for pair in bins) for side in (0, 1)]
    if not all(totals):
        return None
    index = 0.0
    for before, after in bins:
        q, p = (max(count / total, _SMALLEST_SHARE) for count, total in ((before, totals[0]), (after, totals[1])))
        index += (p - q) * math.log(p / q)
    return index


def _bins(earlier: Json, now: Json) -> Iterator[tuple[int, int]]:
    """Counts of the earlier profile and of this one, bin by bin; nothing where they cannot be compared."""
    if earlier["histogram"] is not None and now["histogram"] is not None:
        yield from _numeric_bins(earlier["histogram"], now["histogram"])
    elif earlier["categories"] is not None and now["categories"] is not None:
        for name in sorted({*earlier["categories"], *now["categories"]}):
            yield earlier["categories"].get(name, 0), now["categories"].get(name, 0)
    else:
        return
    missing = tuple(one["nulls"] + one["infinite"] for one in (earlier, now))
    if any(missing):
        yield missing[0], missing[1]


def _numeric_bins(earlier: Json, now: Json) -> Iterator[tuple[int, int]]:
    dropped = max(earlier["dropped_bits"], now["dropped_bits"])
    before, after = (coarse(one, dropped) for one in (earlier, now))
    enough = sum(before.values()) / BINS
    left = sum(before.values())
    counts = [0, 0]
    for key in sorted({*before, *after}):
        # A bin is closed only before more of the earlier values, so that what lies beyond them falls into the last bin.
        if counts[0] >= enough and left > 0 and key in before:
            yield counts[0], counts[1]
            counts = [0, 0]
        counts[0] += before.get(key, 0)
        counts[1] += after.get(key, 0)
        left -= before.get(key, 0)
    yield counts[0], counts[1]


def _merged_categories(first: Json | None, second: Json | None) -> dict[str, int] | None:
    if first is None or second is None:
        return None
    merged = {name: first.get(name, 0) + second.get(name, 0) for name in sorted({*first, *second})}
    return merged if len(merged) <= MOST_CATEGORIES else None


def _finite(profile: Json) -> int:
    return int(profile["count"] - profile["nulls"] - profile["infinite"])


def _combined(first: Json, second: Json) -> tuple[float, float]:
    """Mean and sum of squared differences of both (Chan, Golub and LeVeque, 1979)."""
    total = first["n"] + second["n"]
    apart = second["mean"] - first["mean"]
    mean = first["mean"] + apart * second["n"] / total
    return mean, first["m2"] + second["m2"] + apart * apart * first["n"] * second["n"] / total
