"""Two columns of predictions side by side, read piece by piece."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from batch_jobs.profiles import ColumnProfile
from column_profiles import population_stability_index

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MOST_PAIRS = 50


class NumberComparison:
    """Numbers: differences are the second less the first. A row in which either is missing is counted, and left out."""

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._missing = self._over = 0
        self._largest = 0.0
        self._absolute = 0.0
        self._moments = _Moments()
        self._profiles = (ColumnProfile(numeric=True), ColumnProfile(numeric=True))

    def add(self, first: pd.Series, second: pd.Series) -> None:
        """Add a piece of both columns."""
        pair = [side.to_numpy(np.float64, na_value=np.nan) for side in (first, second)]
        known = np.isfinite(pair[0]) & np.isfinite(pair[1])
        self._missing += int((~known).sum())
        before, after = (side[known] for side in pair)
        if not len(before):
            return
        apart = np.abs(after - before)
        self._over += int((apart > self._tolerance * np.abs(before)).sum())
        self._largest = max(self._largest, float(apart.max()))
        self._absolute += float(apart.sum())
        self._moments.add(before, after)
        for profile, side in zip(self._profiles, (before, after)):
            profile.add_numbers(side)

    def to_json(self) -> dict[str, Any]:
        """The figures so far."""
        moments, profiles = self._moments, [profile.to_json() for profile in self._profiles]
        n = moments.n
        return {
            "kind": "number",
            "rows": n,
            "rows_without_a_number": self._missing,
            "mean_difference": moments.mean[1] - moments.mean[0] if n else None,
            "mean_absolute_difference": self._absolute / n if n else None,
            "max_absolute_difference": self._largest if n else None,
            "root_mean_squared_difference": moments.root_mean_squared_difference(),
            "correlation": moments.correlation(),
            "share_over_tolerance": self._over / n if n else None,
            "psi": population_stability_index(profiles[0], profiles[1]),
            "quantiles": _quantiles(profiles[0], profiles[1]) if n else {},
        }


class LabelComparison:
    """Labels: who says what where the other says something else."""

    def __init__(self) -> None:
        self._rows = self._same = 0
        self._pairs: dict[tuple[str, str], int] = {}

    def add(self, first: pd.Series, second: pd.Series) -> None:
        """Add a piece of both columns."""
        table = pd.DataFrame({"first": first.astype(str).to_numpy(), "second": second.astype(str).to_numpy()})
        self._rows += len(table)
        self._same += int((table["first"] == table["second"]).sum())
        differing = table[table["first"] != table["second"]]
        for pair, count in differing.groupby(["first", "second"]).size().items():
            self._pairs[pair] = self._pairs.get(pair, 0) + int(count)

    def to_json(self) -> dict[str, Any]:
        """The figures so far, the most frequent difference first."""
        ordered = sorted(self._pairs.items(), key=lambda item: (-item[1], item[0]))[:MOST_PAIRS]
        return {
            "kind": "label",
            "rows": self._rows,
            "share_that_agrees": self._same / self._rows if self._rows else None,
            "differences": [
                {"champion": first, "challenger": second, "rows": count} for (first, second), count in ordered
            ],
        }


class _Moments:
    """Means, squares and products of two columns around their means (Chan, Golub and LeVeque, 1979)."""

    def __init__(self) -> None:
        self.n = 0
        self.mean: NDArray[np.float64] = np.zeros(2)
        self._products: NDArray[np.float64] = np.zeros((2, 2))

    def add(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        piece = np.vstack([first, second])
        n, mean = piece.shape[1], piece.mean(axis=1)
        around = piece - mean[:, None]
        total = self.n + n
        apart = mean - self.mean
        self._products = self._products + around @ around.T + np.outer(apart, apart) * (self.n * n / total)
        self.mean = self.mean + apart * (n / total)
        self.n = total

    def correlation(self) -> float | None:
        """None where a column does not vary."""
        scale = math.sqrt(self._products[0, 0] * self._products[1, 1]) if self.n else 0.0
        return float(self._products[0, 1] / scale) if scale > 0 else None

    def root_mean_squared_difference(self) -> float | None:
        if not self.n:
            return None
        products = self._products
        spread = float(products[0, 0] + products[1, 1] - 2 * products[0, 1]) / self.n
        return math.sqrt(max(spread, 0.0) + float(self.mean[1] - self.mean[0]) ** 2)


def _quantiles(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Quantiles of both sides, as exactly as the buckets of a profile say, and by how much they shifted."""
    found = {}
    for share in QUANTILES:
        before, after = (quantile(profile, share) for profile in (first, second))
        found[f"{share:g}"] = {"champion": before, "challenger": after, "shift": after - before}
    return found


def quantile(profile: Mapping[str, Any], share: float) -> float:
    """The value below which a share of a column lies: the middle of its bucket, within the column's range."""
    histogram = profile["histogram"]
    lower, reached = histogram["lower"], np.cumsum(histogram["counts"])
    index = int(np.searchsorted(reached, share * reached[-1]))
    index = min(index, len(lower) - 1)
    if histogram["dropped_bits"] == 0:
        return float(lower[index])
    upper = lower[index + 1] if index + 1 < len(lower) else profile["max"]
    return float(min(max((lower[index] + upper) / 2, profile["min"]), profile["max"]))
