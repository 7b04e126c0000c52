"""Strategies of hyperparameter tuning: which values to try next, given what earlier trials scored.

Bayesian search is Gaussian-process regression with expected improvement (Snoek, Larochelle and Adams, "Practical Bayesian
Optimization of Machine Learning Algorithms", 2012), with a Matern 5/2 kernel of one length scale, chosen by marginal likelihood.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mllocal.jobs.ranges import CategoricalRange, Range

Values = dict[str, str]
_FIRST_RANDOM_TRIALS = 4
_CANDIDATES = 1000
_LENGTH_SCALES = (0.1, 0.2, 0.4, 0.8, 1.6)
_NOISE = 1e-4
_ATTEMPTS_FOR_NEW_VALUES = 20


@dataclass(frozen=True)
class Trial:
    """Values that were tried. `score` is larger for better ones, and None while a trial runs or when it gave none."""

    values: Values
    score: float | None


class Strategy(Protocol):
    """Chooses the values of the next trial; None when there are no more to try."""

    def next_values(self, trials: Sequence[Trial]) -> Values | None: ...


class RandomSearch:
    """Positions drawn evenly on each range's scale."""

    def __init__(self, ranges: Sequence[Range], seed: int | None) -> None:
        self._ranges = ranges
        self._random = random.Random(seed)  # noqa: S311 - a search, not a secret

    def next_values(self, trials: Sequence[Trial]) -> Values | None:
        """Values that were not tried yet, if there seem to be any."""
        tried = [trial.values for trial in trials]
        for _ in range(_ATTEMPTS_FOR_NEW_VALUES):
            values = self.draw()
            if values not in tried:
                break
        return values

    def draw(self) -> Values:
        """Any values."""
        return {item.name: item.value(self._random.random()) for item in self._ranges}


class GridSearch:
    """Every combination of categorical values once."""

    def __init__(self, ranges: Sequence[CategoricalRange]) -> None:
        names = [item.name for item in ranges]
        self.combinations = [
            dict(zip(names, values, strict=True)) for values in itertools.product(*(item.values for item in ranges))
        ]

    def next_values(self, trials: Sequence[Trial]) -> Values | None:
        """The combination after those that were tried."""
        return self.combinations[len(trials)] if len(trials) < len(self.combinations) else None


class BayesianSearch:
    """Some random trials, then those that promise the largest improvement over the best one."""

    def __init__(self, ranges: Sequence[Range], seed: int | None) -> None:
        self._ranges = ranges
        self._random_search = RandomSearch(ranges, seed)

    def next_values(self, trials: Sequence[Trial]) -> Values | None:
        """The most promising of many random candidates."""
        scored = [trial for trial in trials if trial.score is not None]
        if len(scored) < _FIRST_RANDOM_TRIALS:
            return self._random_search.next_values(trials)
        # Trials that run count as average ones: it keeps the next one away from them.
        mean = sum(trial.score or 0.0 for trial in scored) / len(scored)
        scores = np.array([mean if trial.score is None else trial.score for trial in trials])
        process = GaussianProcess(np.array([self._point(trial.values) for trial in trials]), scores)
        tried = [trial.values for trial in trials]
        candidates = [self._random_search.draw() for _ in range(_CANDIDATES)]
        fresh = [values for values in candidates if values not in tried] or candidates
        gains = process.expected_improvement(np.array([self._point(values) for values in fresh]))
        return fresh[int(np.argmax(gains))]

    def _point(self, values: Values) -> list[float]:
        return [number for item in self._ranges for number in item.coordinates(values[item.name])]


class GaussianProcess:
    """Regression of scores on points of the unit cube."""

    def __init__(self, points: Any, scores: Any) -> None:
        self._points = points
        self._mean, self._deviation = float(np.mean(scores)), float(np.std(scores)) or 1.0
        self._targets = (scores - self._mean) / self._deviation
        self._length = max(_LENGTH_SCALES, key=self._log_likelihood)
        self._inverse = np.linalg.inv(self._covariance(self._length))

    def expected_improvement(self, points: Any) -> Any:
        """How much each point is expected to better the best score, in standard deviations of the scores."""
        across = _matern(points, self._points, self._length)
        mean = across @ self._inverse @ self._targets
        variance = 1.0 - np.einsum("ij,jk,ik->i", across, self._inverse, across)
        deviation = np.sqrt(np.maximum(variance, 1e-12))
        gain = mean - float(np.max(self._targets))
        z = gain / deviation
        density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        cumulative = 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2)))
        return gain * cumulative + deviation * density

    def _covariance(self, length: float) -> Any:
        return _matern(self._points, self._points, length) + _NOISE * np.eye(len(self._points))

    def _log_likelihood(self, length: float) -> float:
        covariance = self._covariance(length)
        _, log_determinant = np.linalg.slogdet(covariance)
        return float(-0.5 * self._targets @ np.linalg.solve(covariance, self._targets) - 0.5 * log_determinant)


def _matern(left: Any, right: Any, length: float) -> Any:
    distance = np.sqrt(np.maximum(((left[:, None, :] - right[None, :, :]) ** 2).sum(-1), 0.0)) * math.sqrt(5) / length
    return (1 + distance + distance**2 / 3) * np.exp(-distance)


def strategy(name: str, ranges: Sequence[Range], seed: int | None) -> Strategy:
    """The strategy of a name that the API has; Grid takes categorical ranges alone, as the service does.

    Hyperband's own part is which training jobs are stopped (`early_stopping`): its values are drawn at random.
    """
    if name == "Grid":
        return GridSearch([item for item in ranges if isinstance(item, CategoricalRange)])
    return BayesianSearch(ranges, seed) if name == "Bayesian" else RandomSearch(ranges, seed)
