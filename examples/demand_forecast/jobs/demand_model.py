"""The model: gradient-boosted trees on the features, and how it is put into a file and taken out again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

MODEL_FILE = "model.joblib"
LOSSES = ("squared_error", "absolute_error", "poisson")


@dataclass(frozen=True)
class Hyperparameters:
    """What `HistGradientBoostingRegressor` is given; its documentation explains each.

    There is no early stopping: its random validation split would mix hours of the same day.
    """

    loss: str = "poisson"
    max_iter: int = 200
    learning_rate: float = 0.05
    max_leaf_nodes: int = 15
    min_samples_leaf: int = 40
    l2_regularization: float = 0.0
    random_state: int = 0

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


@dataclass(frozen=True)
class DemandModel:
    """A fitted forecaster, and the features it expects, in their order."""

    estimator: HistGradientBoostingRegressor
    features: tuple[str, ...]

    @classmethod
    def fit(cls, features: pd.DataFrame, demand: pd.Series, hyperparameters: Hyperparameters) -> DemandModel:
        """Fit on rows of features and the demand of the same hours (rentals per hour)."""
        estimator = HistGradientBoostingRegressor(
            loss=hyperparameters.loss,
            max_iter=hyperparameters.max_iter,
            learning_rate=hyperparameters.learning_rate,
            max_leaf_nodes=hyperparameters.max_leaf_nodes,
            min_samples_leaf=hyperparameters.min_samples_leaf,
            l2_regularization=hyperparameters.l2_regularization,
            random_state=hyperparameters.random_state,
            early_stopping=False,
        )
        estimator.fit(features.to_numpy(float), demand.to_numpy(float))
        return cls(estimator=estimator, features=tuple(features.columns))

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rentals per hour for rows of features; never negative."""
        return np.maximum(np.asarray(self.estimator.predict(rows), dtype=np.float64), 0.0)

    def to_bytes(self) -> bytes:
        """The content of MODEL_FILE: only classes of scikit-learn, so that it loads without this module."""
        buffer = io.BytesIO()
        joblib.dump({"estimator": self.estimator, "features": self.features}, buffer)
        return buffer.getvalue()

    @classmethod
    def load(cls, directory: Path) -> DemandModel:
        """Load MODEL_FILE from a directory. Only from a source you trust: it is a pickle."""
        content = joblib.load(directory / MODEL_FILE)
        return cls(estimator=content["estimator"], features=content["features"])
