"""Histograms that need no bucket edges beforehand and merge exactly in any order.

A bucket holds the numbers that share all but the last `dropped_bits` bits of their float64. So buckets of any two histograms nest. As few
bits are dropped as `MOST_BUCKETS` allows, which depends on the numbers only, not on how they came: merging is associative and commutative.
The idea of buckets that follow the float's own scale is that of DDSketch (Masson, Rim, Lee, VLDB 2019).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from column_profiles.histograms import MAGNITUDE, MOST_BUCKETS, merge_histograms, value_of

_DENSE = 1 << 16


class Histogram:
    """Counts of the numbers added so far."""

    def __init__(self) -> None:
        self._dropped = 0
        self._keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)

    def add(self, values: NDArray[np.float64]) -> None:
        """Count finite numbers."""
        if len(values) == 0:
            return
        keys = _keys_of(values) >> self._dropped
        found, counts = self._counted(keys)
        merged, inverse = np.unique(np.concatenate([self._keys, found]), return_inverse=True)
        weights = np.concatenate([self._counts, counts])
        self._keys, self._counts = merged, _sums(inverse, weights, len(merged))
        self._coarsen()

    def to_json(self) -> dict[str, Any]:
        """As a profile holds it."""
        lower = [value_of(int(key) << self._dropped) for key in self._keys]
        return {"dropped_bits": self._dropped, "lower": lower, "counts": [int(count) for count in self._counts]}

    def _counted(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Different keys and how often each is there, by the cheapest way that the keys allow."""
        low, high = int(keys.min()), int(keys.max())
        if high - low < _DENSE:
            dense = np.bincount(keys - low)
            found = np.flatnonzero(dense)
            return found + low, dense[found].astype(np.int64)
        if len(self._keys) == 0:
            return _unique(keys)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[places] == keys
        counts = np.bincount(places[known], minlength=len(self._keys)).astype(np.int64)
        others, other_counts = _unique(keys[~known])
        return np.concatenate([self._keys, others]), np.concatenate([counts, other_counts])

    def _coarsen(self) -> None:
        while len(self._keys) > MOST_BUCKETS:
            self._dropped += 1
            halved = self._keys >> 1
            first = np.flatnonzero(np.concatenate([[True], halved[1:] != halved[:-1]]))
            self._counts = np.add.reduceat(self._counts, first)
            self._keys = halved[first]


def weighted_histogram(values: NDArray[np.float64], weights: NDArray[np.int64]) -> dict[str, Any] | None:
    """The histogram of numbers that stand for several each, as in a quantile sketch; None without any."""
    finite = np.isfinite(values) & (weights > 0)
    if not finite.any():
        return None
    keys, inverse = np.unique(_keys_of(values[finite]), return_inverse=True)
    counts = _sums(inverse, weights[finite], len(keys))
    exact = {"dropped_bits": 0, "lower": [value_of(int(key)) for key in keys], "counts": [int(one) for one in counts]}
    return merge_histograms(exact, {"dropped_bits": 0, "lower": [], "counts": []})


def _keys_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    bits = (np.asarray(values, np.float64) + 0.0).view(np.int64)
    return np.where(bits < 0, -(bits & MAGNITUDE), bits)


def _unique(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found, counts = np.unique(keys, return_counts=True)
    return found, counts.astype(np.int64)


def _sums(groups: NDArray[np.int64], weights: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    sums = np.zeros(length, np.int64)
    np.add.at(sums, groups.reshape(-1), weights)
    return sums
