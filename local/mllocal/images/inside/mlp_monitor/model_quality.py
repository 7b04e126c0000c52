"""Model quality: metrics of predictions beside ground truth, thresholds suggested from them, and violations of a baseline's thresholds.

Source of names and comparison operators: "Model quality metrics", SageMaker Developer Guide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy
import pandas
from sklearn import metrics

from .settings import AnalysisError, Document

RESAMPLES = 20
_GREATER, _LESS = "GreaterThanThreshold", "LessThanThreshold"
_GREATER_IS_WORSE = ("mae", "mse", "rmse", "false_positive_rate", "false_negative_rate")
_BETAS = {"f0_5": 0.5, "f1": 1.0, "f2": 2.0}
Numbers = dict[str, float]


@dataclass(frozen=True)
class Predictions:
    """Ground truth, predicted labels or values, and probabilities where they are given."""

    truth: Any
    predicted: Any
    probability: Any

    def sample(self, rows: Any) -> Predictions:
        """Some of the rows."""
        return Predictions(
            self.truth[rows], self.predicted[rows], None if self.probability is None else self.probability[rows]
        )


def predictions_of(table: pandas.DataFrame, variables: Mapping[str, str]) -> Predictions:
    """The columns that the job's attributes name. Raises `AnalysisError` naming the attribute that is missing or not a column."""
    truth = _column(table, variables, "ground_truth_attribute")
    predicted = _column(table, variables, "inference_attribute")
    probability = _column(table, variables, "probability_attribute")
    if truth is None or (predicted is None and probability is None):
        missing = "ground_truth_attribute" if truth is None else "inference_attribute"
        raise AnalysisError(f"environment variable {missing!r} is missing: name the column")
    scores: Any = None if probability is None else _numbers(probability)
    if variables["problem_type"] == "Regression":
        return Predictions(_numbers(truth), _numbers(predicted), None)
    if predicted is None:
        threshold = float(variables.get("probability_threshold_attribute") or 0.5)
        return Predictions(_labels(truth), numpy.where(scores > threshold, "1", "0"), scores)
    return Predictions(_labels(truth), _labels(predicted), scores)


def statistics_of(predictions: Predictions, problem_type: str) -> Document:
    """statistics.json. Standard deviations come from resampling with a fixed seed."""
    problem = _problem(problem_type)
    rows = len(predictions.truth)
    random = numpy.random.default_rng(0)
    resampled = [problem.scalars(predictions.sample(random.integers(rows, size=rows))) for _ in range(RESAMPLES)]
    scalars = {
        name: {"value": value, "standard_deviation": float(numpy.nanstd([sample[name] for sample in resampled]))}
        for name, value in problem.scalars(predictions).items()
    }
    return {
        "version": 0.0,
        "dataset": {"item_count": rows},
        f"{problem.name}_metrics": {**problem.tables(predictions), **scalars},
    }


def constraints_of(statistics: Document, problem_type: str) -> Document:
    """constraints.json: the values measured, as thresholds that the next dataset must not be worse than."""
    name = _problem(problem_type).name
    thresholds = {
        metric: {"threshold": entry["value"], "comparison_operator": _GREATER if metric in _GREATER_IS_WORSE else _LESS}
        for metric, entry in statistics[f"{name}_metrics"].items()
        if "value" in entry
    }
    return {"version": 0.0, f"{name}_constraints": thresholds}


def violations_of(statistics: Document, constraints: Document, problem_type: str) -> Document:
    """constraint_violations.json."""
    name = _problem(problem_type).name
    measured = statistics[f"{name}_metrics"]
    found = []
    for metric, rule in constraints[f"{name}_constraints"].items():
        value, deviation = measured[metric]["value"], measured[metric]["standard_deviation"]
        worse = value > rule["threshold"] if rule["comparison_operator"] == _GREATER else value < rule["threshold"]
        if worse:
            description = (
                f"Metric {metric} with {value} +/- {deviation} was {rule['comparison_operator']} '{rule['threshold']}'"
            )
            found.append(
                {
                    "constraint_check_type": rule["comparison_operator"],
                    "description": description,
                    "metric_name": metric,
                }
            )
    return {"violations": found}


@dataclass(frozen=True)
class _Problem:
    name: str
    scalars: Callable[[Predictions], Numbers]
    tables: Callable[[Predictions], Document]


def _problem(problem_type: str) -> _Problem:
    if problem_type not in _PROBLEMS:
        raise AnalysisError(f"problem_type {problem_type!r} is not one of {', '.join(_PROBLEMS)}")
    return _PROBLEMS[problem_type]


def _regression(predictions: Predictions) -> Numbers:
    mse = float(metrics.mean_squared_error(predictions.truth, predictions.predicted))
    return {
        "mae": float(metrics.mean_absolute_error(predictions.truth, predictions.predicted)),
        "mse": mse,
        "rmse": math.sqrt(mse),
        "r2": float(metrics.r2_score(predictions.truth, predictions.predicted)),
    }


def _binary(predictions: Predictions) -> Numbers:
    truth, predicted = predictions.truth == "1", predictions.predicted == "1"
    positives, negatives = int(truth.sum()), int((~truth).sum())
    true_positive, false_positive = int((truth & predicted).sum()), int((~truth & predicted).sum())
    recall = true_positive / positives if positives else 0.0
    fallout = false_positive / negatives if negatives else 0.0
    chosen = true_positive + false_positive
    precision = true_positive / chosen if chosen else 0.0
    both = positives > 0 and negatives > 0
    auc = (
        {}
        if predictions.probability is None
        else {"auc": float(metrics.roc_auc_score(truth, predictions.probability)) if both else math.nan}
    )
    return {
        "recall": recall,
        "precision": precision,
        "accuracy": float((truth == predicted).mean()),
        "true_positive_rate": recall,
        "true_negative_rate": 1 - fallout,
        "false_positive_rate": fallout,
        "false_negative_rate": 1 - recall,
        **auc,
        **{name: _f_beta(precision, recall, beta) for name, beta in _BETAS.items()},
    }


def _f_beta(precision: float, recall: float, beta: float) -> float:
    below = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / below if below else 0.0


def _multiclass(predictions: Predictions) -> Numbers:
    def weighted(beta: float) -> tuple[float, float, float]:
        found = metrics.precision_recall_fscore_support(
            predictions.truth, predictions.predicted, beta=beta, average="weighted", zero_division=0
        )
        return float(found[0]), float(found[1]), float(found[2])

    precision, recall, _ = weighted(1.0)
    return {
        "accuracy": float((predictions.truth == predictions.predicted).mean()),
        "weighted_recall": recall,
        "weighted_precision": precision,
        **{f"weighted_{name}": weighted(beta)[2] for name, beta in _BETAS.items()},
    }


def _confusion(predictions: Predictions) -> Document:
    labels = sorted({*predictions.truth, *predictions.predicted})
    counts = metrics.confusion_matrix(predictions.truth, predictions.predicted, labels=labels)
    rows = {
        str(label): {str(other): int(count) for other, count in zip(labels, row, strict=True)}
        for label, row in zip(labels, counts, strict=True)
    }
    return {"confusion_matrix": rows}


def _binary_tables(predictions: Predictions) -> Document:
    if predictions.probability is None:
        return _confusion(predictions)
    truth = predictions.truth == "1"
    fallout, recall, _ = metrics.roc_curve(truth, predictions.probability)
    precisions, recalls, _ = metrics.precision_recall_curve(truth, predictions.probability)
    return {
        **_confusion(predictions),
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": [float(rate) for rate in fallout],
            "true_positive_rates": [float(rate) for rate in recall],
        },
        "precision_recall_curve": {
            "precisions": [float(value) for value in precisions],
            "recalls": [float(value) for value in recalls],
        },
    }


_PROBLEMS = {
    "Regression": _Problem("regression", _regression, lambda predictions: {}),
    "BinaryClassification": _Problem("binary_classification", _binary, _binary_tables),
    "MulticlassClassification": _Problem("multiclass_classification", _multiclass, _confusion),
}


def _column(table: pandas.DataFrame, variables: Mapping[str, str], attribute: str) -> Any:
    name = variables.get(attribute)
    if not name:
        return None
    column = f"_c{name}" if name.isdigit() else name.removeprefix("$.")
    if column not in table.columns:
        raise AnalysisError(f"{attribute} {name!r} is not a column; there are {', '.join(map(str, table.columns))}")
    return table[column]


def _numbers(values: Any) -> Any:
    return pandas.to_numeric(values).to_numpy(dtype=float)


def _labels(values: Any) -> Any:
    """Labels as text; a number without a fraction is the same label with and without its point."""
    return numpy.array([str(value).removesuffix(".0") for value in values])
