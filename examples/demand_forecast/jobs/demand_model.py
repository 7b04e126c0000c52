"""The model: gradient-boosted trees combined with a profile, and how it is put into a file and taken out again.

The profile is one of the features: the mean demand of the same hour on the last days of the same kind. Half of each
was better than either alone on the weeks used for tuning (README.md). For why combining helps, see Bates and Granger,
"The Combination of Forecasts", Operational Research Quarterly 20 (1969).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

MODEL_FILE = "model.joblib"
PROFILE = "same_kind_of_day_28_days"
LOSSES = ("squared_error", "absolute_error", "poisson")


@dataclass(frozen=True)
class Hyperparameters:
    """What `HistGradientBoostingRegressor` is given (its documentation explains each), and `profile_weight`.

    There is no early stopping: its random validation split would mix hours of the same day.

    Attributes:
        profile_weight: share of the profile in the forecast, 0 to 1; the rest comes from the trees.
    """

    loss: str = "poisson"
    max_iter: int = 200
    learning_rate: float = 0.05
    max_leaf_nodes: int = 15
    min_samples_leaf: int = 40
    l2_regularization: float = 0.0
    random_state: int = 0
    profile_weight: float = 0.5

    def problems(self) -> Iterator[str]:
        """Each value that cannot be used, as a sentence."""
        if self.loss not in LOSSES:
            yield f"loss is '{self.loss}'; use one of {', '.join(LOSSES)}"
        for name, low in {
            "max_iter": 1,
            "max_leaf_nodes": 2,
            "min_samples_leaf": 1,
            "random_state": 0,
        }.items():
            if getattr(self, name) < low:
                yield f"{name} is {getattr(self, name)}; use {low} or more"
        if not self.learning_rate > 0:
            yield f"learning_rate is {self.learning_rate:g}; use more than 0"
        if not self.l2_regularization >= 0:
            yield f"l2_regularization is {self.l2_regularization:g}; use 0 or more"
        if not 0 <= self.profile_weight <= 1:
            yield f"profile_weight is {self.profile_weight:g}; use 0 to 1"


@dataclass(frozen=True)
class DemandModel:
    """A fitted forecaster.

    Attributes:
        trees: the fitted trees.
        features: the columns it expects, in their order.
        profile_weight: share of the column PROFILE in the forecast.
    """

    trees: HistGradientBoostingRegressor
    features: tuple[str, ...]
    profile_weight: float

    @classmethod
    def fit(cls, features: pd.DataFrame, demand: pd.Series, hyperparameters: Hyperparameters) -> DemandModel:
        """Fit on rows of features and the demand of the same hours (rentals per hour)."""
        trees = HistGradientBoostingRegressor(
            loss=hyperparameters.loss,
            max_iter=hyperparameters.max_iter,
            learning_rate=hyperparameters.learning_rate,
            max_leaf_nodes=hyperparameters.max_leaf_nodes,
            min_samples_leaf=hyperparameters.min_samples_leaf,
            l2_regularization=hyperparameters.l2_regularization,
            random_state=hyperparameters.random_state,
            early_stopping=False,
        )
        # On a few thousand rows one thread is as fast as several, and several spin while other processes need the cores.
        with threadpool_limits(limits=1, user_api="openmp"):
            trees.fit(features.to_numpy(float), demand.to_numpy(float))
        return cls(trees=trees, features=tuple(features.columns), profile_weight=hyperparameters.profile_weight)

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rentals per hour for rows of features; never negative."""
        # A server has a worker for each core: with threads on all of them besides, a row was measured to take a second instead of 10 ms.
        with threadpool_limits(limits=1, user_api="openmp"):
            from_trees = np.maximum(np.asarray(self.trees.predict(rows), dtype=np.float64), 0.0)
        profile = rows[:, self.features.index(PROFILE)]
        return (1 - self.profile_weight) * from_trees + self.profile_weight * profile

    def to_bytes(self) -> bytes:
        """The content of MODEL_FILE: scikit-learn's classes and plain values, none of this module's classes."""
        buffer = io.BytesIO()
        joblib.dump({field.name: getattr(self, field.name) for field in fields(self)}, buffer)
        return buffer.getvalue()

    @classmethod
    def load(cls, directory: Path) -> DemandModel:
        """Load MODEL_FILE from a directory. Only from a source you trust: it is a pickle."""
        return cls(**joblib.load(directory / MODEL_FILE))
