"""Serves the model in SageMaker's scikit-learn container: features as text/csv in, one forecast a line out.

See "Using Scikit-learn with the SageMaker Python SDK", section "Deploy a Scikit-learn Model".
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demand_model import DemandModel

CSV = "text/csv"


def model_fn(model_dir: str) -> DemandModel:
    """Load the model when the server starts."""
    return DemandModel.load(Path(model_dir))


def input_fn(body: str | bytes, content_type: str) -> NDArray[np.float64]:
    """Rows of features: no header, no key.

    Raises:
        ValueError: not CSV, no rows, or something that is not a number.
    """
    if content_type.split(";")[0].strip() != CSV:
        raise ValueError(f"content type '{content_type}' is not supported; send {CSV}")
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    if not text.strip():
        raise ValueError("the request has no rows; send one line of features for each hour")
    try:
        return np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise ValueError(
            f"the request is not rows of numbers ({error}); send the features only, no key and no header"
        ) from error


def predict_fn(data: NDArray[np.float64], model: DemandModel) -> NDArray[np.float64]:
    """Forecast rentals per hour.

    Raises:
        ValueError: not as many columns as the model has features.
    """
    if data.shape[1] != len(model.features):
        expected = f"{len(model.features)}: {', '.join(model.features)}"
        raise ValueError(f"got {data.shape[1]} columns; the model expects {expected}")
    return model.predict(data)


def output_fn(prediction: NDArray[np.float64], accept: str) -> tuple[str, str]:
    """The forecasts, one a line, and their content type.

    Raises:
        ValueError: the caller accepts no CSV.
    """
    if accept.split(";")[0].strip() not in {CSV, "text/*", "*/*", ""}:
        raise ValueError(f"accept '{accept}' is not supported; ask for {CSV}")
    return "".join(f"{value!r}\n" for value in prediction.tolist()), CSV
