"""The functions that SageMaker's scikit-learn server calls."""

from __future__ import annotations

from pathlib import Path

import inference
import numpy as np
import pandas as pd
import pytest
from demand_features import FEATURES
from demand_model import DemandModel, Hyperparameters


@pytest.fixture(scope="module")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of a made-up demand."""
    random = np.random.default_rng(0)
    features = pd.DataFrame(random.uniform(0, 100, (200, len(FEATURES))), columns=list(FEATURES))
    demand = pd.Series(np.round(features["same_hour_last_week"] + features["hour"]))
    directory = tmp_path_factory.mktemp("model")
    (directory / "model.joblib").write_bytes(DemandModel.fit(features, demand, Hyperparameters(max_iter=5)).to_bytes())
    return directory


def rows(count: int) -> str:
    return "".join(",".join(str(float(row + column)) for column in range(len(FEATURES))) + "\n" for row in range(count))


@pytest.mark.parametrize("body", [rows(3), rows(3).encode(), rows(3).rstrip("\n"), rows(3).replace("\n", "\r\n")])
def test_each_line_in_gives_one_forecast_a_line_out(model_directory: Path, body: str | bytes) -> None:
    model = inference.model_fn(str(model_directory))

    forecast = inference.predict_fn(inference.input_fn(body, "text/csv"), model)
    text, content_type = inference.output_fn(forecast, "text/csv")

    assert content_type == "text/csv"
    assert text.endswith("\n")
    assert [float(line) for line in text.splitlines()] == forecast.tolist()
    assert len(forecast) == 3


def test_a_single_row_is_a_batch_of_one(model_directory: Path) -> None:
    model = inference.model_fn(str(model_directory))

    assert inference.predict_fn(inference.input_fn(rows(1), "text/csv; charset=utf-8"), model).shape == (1,)


def test_forecasts_are_never_negative(model_directory: Path) -> None:
    model = inference.model_fn(str(model_directory))

    assert (inference.predict_fn(np.zeros((5, len(FEATURES))), model) >= 0).all()


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        ("{}", "application/json", "content type 'application/json' is not supported; send text/csv"),
        ("", "text/csv", "the request has no rows"),
        ("2011-12-24T00:00:00,1,2\n", "text/csv", "send the features only, no key and no header"),
        ("1,2\n1\n", "text/csv", "the request is not rows of numbers"),
    ],
)
def test_requests_that_cannot_be_read_are_refused(body: str, content_type: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        inference.input_fn(body, content_type)


def test_a_wrong_number_of_columns_is_refused_with_the_names_of_the_right_ones(model_directory: Path) -> None:
    model = inference.model_fn(str(model_directory))

    with pytest.raises(ValueError, match=rf"got 2 columns; the model expects {len(FEATURES)}: hour, day_of_week"):
        inference.predict_fn(inference.input_fn("1,2\n", "text/csv"), model)


def test_an_answer_in_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="accept 'application/json' is not supported; ask for text/csv"):
        inference.output_fn(np.array([1.0]), "application/json")
