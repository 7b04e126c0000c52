"""Kernel SHAP: the Shapley values of features, by weighted least squares over coalitions of them.

Source: Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", 2017. A coalition is the set of features that have
the record's own value; the others have those of the baseline.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy


@dataclass(frozen=True)
class Coalitions:
    """Coalitions of features, one a row of `members`, with their weights; neither the empty one nor that of all."""

    members: Any
    weights: Any

    @classmethod
    def of(cls, features: int, samples: int, seed: int | None) -> Coalitions:
        """Every coalition if there are at most so many, which makes the values exact; a sample of them otherwise."""
        if 2**features - 2 <= samples:
            return cls._all(features)
        return cls._some(features, samples, numpy.random.default_rng(seed))

    @classmethod
    def _all(cls, features: int) -> Coalitions:
        rows = [row for row in itertools.product((False, True), repeat=features) if 0 < sum(row) < features]
        members = numpy.array(rows, dtype=bool).reshape(len(rows), features)
        sizes = members.sum(axis=1)
        weights = [(features - 1) / (math.comb(features, size) * size * (features - size)) for size in sizes]
        return cls(members, numpy.array(weights))

    @classmethod
    def _some(cls, features: int, samples: int, chance: numpy.random.Generator) -> Coalitions:
        """Sizes drawn by the kernel's weight of a size, members evenly, each with its complement; how often is the weight."""
        sizes = numpy.arange(1, features)
        shares = 1.0 / (sizes * (features - sizes))
        drawn = chance.choice(sizes, size=(samples + 1) // 2, p=shares / shares.sum())
        order = chance.random((len(drawn), features)).argsort(axis=1)
        half = order < drawn[:, None]
        members, counts = numpy.unique(numpy.concatenate([half, ~half]), axis=0, return_counts=True)
        return cls(members, counts.astype(float))

    def values(self, coalition_scores: Any, full: Any, empty: Any) -> Any:
        """The Shapley values of one record, `features x scores`.

        `coalition_scores` has a row of scores for each coalition, `full` are the record's and `empty` the baseline's scores.
        The values add up to `full - empty`.
        """
        members = self.members.astype(float)
        total = full - empty
        if members.shape[1] == 1:
            return total[None, :]
        # The last feature's value is what the others leave of the total.
        last = members[:, -1:]
        design = members[:, :-1] - last
        target = coalition_scores - empty - last * total
        root = numpy.sqrt(self.weights)[:, None]
        solved, *_ = numpy.linalg.lstsq(design * root, target * root, rcond=None)
        return numpy.vstack([solved, total - solved.sum(axis=0)])
