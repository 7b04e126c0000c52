"""How good predictions were, once the truth is known: figures that add up piece by piece."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Optional, Union

import numpy as np
import pandas as pd

REGRESSION, CLASSIFICATION = "regression", "classification"

Metrics = Mapping[str, Optional[float]]


class RegressionQuality:
    """Mean absolute error, root mean squared error, weighted absolute percentage error, and bias (predicted less true)."""

    def __init__(self) -> None:
        self.rows = 0
        self._absolute = self._squared = self._signed = self._size = 0.0

    def add(self, truth: pd.Series, predicted: pd.Series) -> None:
        """Add joined rows; those without a number on either side do not count."""
        pair = [side.to_numpy(np.float64, na_value=np.nan) for side in (truth, predicted)]
        known = np.isfinite(pair[0]) & np.isfinite(pair[1])
        error = (pair[1] - pair[0])[known]
        self.rows += len(error)
        self._absolute += float(np.abs(error).sum())
        self._squared += float(np.square(error).sum())
        self._signed += float(error.sum())
        self._size += float(np.abs(pair[0][known]).sum())

    def metrics(self) -> Metrics:
        """By name; None where there is nothing to divide by."""
        if not self.rows:
            return dict.fromkeys(("MAE", "RMSE", "WAPE", "Bias"))
        return {
            "MAE": self._absolute / self.rows,
            "RMSE": math.sqrt(self._squared / self.rows),
            "WAPE": self._absolute / self._size if self._size else None,
            "Bias": self._signed / self.rows,
        }


class ClassificationQuality:
    """Accuracy, and F1 as the unweighted mean over the labels that occur on either side."""

    def __init__(self) -> None:
        self.rows = 0
        self._pairs: dict[tuple[str, str], int] = {}

    def add(self, truth: pd.Series, predicted: pd.Series) -> None:
        """Add joined rows."""
        table = pd.DataFrame({"truth": _labels(truth), "predicted": _labels(predicted)})
        self.rows += len(table)
        for pair, count in table.groupby(["truth", "predicted"]).size().items():
            self._pairs[pair] = self._pairs.get(pair, 0) + int(count)

    def metrics(self) -> Metrics:
        """By name; None without rows."""
        if not self.rows:
            return dict.fromkeys(("Accuracy", "F1"))
        labels = sorted({label for pair in self._pairs for label in pair})
        right = sum(self._pairs.get((label, label), 0) for label in labels)
        return {"Accuracy": right / self.rows, "F1": sum(self._f1(label) for label in labels) / len(labels)}

    def _f1(self, label: str) -> float:
        hits = self._pairs.get((label, label), 0)
        given = sum(count for (truth, _), count in self._pairs.items() if truth == label)
        said = sum(count for (_, predicted), count in self._pairs.items() if predicted == label)
        return 2 * hits / (given + said)


Quality = Union[RegressionQuality, ClassificationQuality]


def _labels(column: pd.Series) -> list[str]:
    """A label as text, whether it was stored as 1, 1.0 or true."""
    numeric = pd.api.types.is_numeric_dtype(column)
    return [f"{float(value):.15g}" if numeric else str(value) for value in column]
