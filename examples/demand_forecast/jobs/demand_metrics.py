"""How far a forecast is from what happened."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def forecast_errors(forecast: ArrayLike, actual: ArrayLike) -> dict[str, float]:
    """The errors of a forecast.

    Returns:
        `rmse` and `mae` in rentals per hour, and `wape`: the absolute errors' sum as a share of the demand's.
    """
    happened = np.asarray(actual, dtype=float)
    error = np.asarray(forecast, dtype=float) - happened
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "wape": float(np.sum(np.abs(error)) / np.sum(happened)),
    }
