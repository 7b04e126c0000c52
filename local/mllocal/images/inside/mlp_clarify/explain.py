"""Explanations: SHAP values of each record and of the whole dataset.

Source of settings and files: "Analysis Configuration Files" and "Analysis Results", SageMaker Developer Guide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy
import pandas
from sklearn.cluster import KMeans
from sklearn.metrics import ndcg_score

from .answers import Answers
from .configuration import Analysis
from .contract import OUTPUT, AnalysisError, Document
from .dataset import read_baseline
from .shapley import Coalitions

DRIFT_THRESHOLD = 0.9
_DIRECTORY = OUTPUT / "explanations_shap"
_REFUSED = ("text_config", "image_config", "features_to_explain")
_AGGREGATIONS: dict[str, Callable[[Any], Any]] = {
    "mean_abs": lambda values: numpy.abs(values).mean(axis=0),
    "median": lambda values: numpy.median(values, axis=0),
    "mean_sq": lambda values: (values**2).mean(axis=0),
}


@dataclass(frozen=True)
class Explanation:
    """SHAP values, `records x features x scores`, and the scores that the baseline has."""

    features: list[str]
    scores: list[str]
    values: Any
    expected: Any

    def document(self, aggregation: str) -> Document:
        """`kernel_shap` of analysis.json."""
        aggregated = _AGGREGATIONS[aggregation](self.values)
        return {
            score: {
                "global_shap_values": {name: float(aggregated[row, place]) for row, name in enumerate(self.features)},
                "expected_value": float(self.expected[place]),
            }
            for place, score in enumerate(self.scores)
        }

    def table(self) -> pandas.DataFrame:
        """explanations_shap/out.csv."""
        columns = {
            f"{name}_{score}": self.values[:, row, place]
            for place, score in enumerate(self.scores)
            for row, name in enumerate(self.features)
        }
        return pandas.DataFrame(columns)


def explain(analysis: Analysis) -> Document:
    """The `explanations` of analysis.json; local values and the baseline go to files. Raises `AnalysisError` naming the field."""
    settings: Document = analysis.methods["shap"]
    refused = [name for name in _REFUSED if name in settings]
    if refused:
        raise AnalysisError(
            f"methods.shap.{refused[0]} is not one the embedded AWS does; it explains all columns of a table"
        )
    aggregation = settings.get("agg_method", "mean_abs")
    if aggregation not in _AGGREGATIONS:
        raise AnalysisError(f"methods.shap.agg_method {aggregation!r} is not one of {', '.join(_AGGREGATIONS)}")
    table = analysis.features()
    baseline = _baseline(settings, table, analysis)
    explanation = _explain(analysis, settings, table, baseline)
    _DIRECTORY.mkdir(parents=True, exist_ok=True)
    if "baseline" not in settings:
        baseline.to_csv(_DIRECTORY / "baseline.csv", index=False)
    if settings.get("save_local_shap_values", True):
        explanation.table().to_csv(_DIRECTORY / "out.csv", index=False)
    return {"kernel_shap": explanation.document(aggregation)}


def _explain(
    analysis: Analysis, settings: Document, table: pandas.DataFrame, baseline: pandas.DataFrame
) -> Explanation:
    count = len(table.columns)
    coalitions = Coalitions.of(count, int(settings.get("num_samples", 2 * count + 2048)), settings.get("seed"))
    records, base = table.to_numpy(dtype=object), baseline.to_numpy(dtype=object)
    mixed = numpy.where(coalitions.members[None, :, None, :], records[:, None, None, :], base[None, None, :, :])
    answers = _ask_each_once(
        analysis, numpy.concatenate([records, base, mixed.reshape(-1, count)]), list(table.columns)
    )
    scores = _logit(answers.scores()) if settings.get("use_logit") else answers.scores()
    full, rest = scores[: len(records)], scores[len(records) :]
    expected = rest[: len(base)].mean(axis=0)
    of_coalitions = rest[len(base) :].reshape(*mixed.shape[:3], -1).mean(axis=2)
    values = numpy.array([coalitions.values(*pair, expected) for pair in zip(of_coalitions, full, strict=True)])
    return Explanation(list(map(str, table.columns)), answers.score_names(scores.shape[1]), values, expected)


def _ask_each_once(analysis: Analysis, rows: Any, columns: list[str]) -> Answers:
    """The model's answers to rows, many of which are the same."""
    places: dict[tuple[Any, ...], int] = {}
    order = [places.setdefault(tuple(row), len(places)) for row in rows]
    answers = analysis.predictor.ask(pandas.DataFrame(list(places), columns=columns))
    return Answers([answers.values[place] for place in order], answers.settings)


def _logit(scores: Any) -> Any:
    if bool(((scores <= 0) | (scores >= 1)).any()):
        raise AnalysisError(
            "methods.shap.use_logit needs scores between 0 and 1, both excluded; the model answers others"
        )
    return numpy.log(scores / (1 - scores))


def _baseline(settings: Document, table: pandas.DataFrame, analysis: Analysis) -> pandas.DataFrame:
    """The given rows; or the centers of clusters of the dataset's records, of which there is one unless `num_clusters` says more."""
    given = settings.get("baseline")
    if given is None:
        return _centers(table, int(settings.get("num_clusters", 1)))
    baseline = read_baseline(given, analysis.configuration, list(table.columns))
    if len(baseline.columns) != len(table.columns) or baseline.empty:
        raise AnalysisError(
            f"methods.shap.baseline has {len(baseline)} rows of {len(baseline.columns)} columns; give at least one row of the "
            f"{len(table.columns)} features: {', '.join(map(str, table.columns))}"
        )
    return baseline


def _centers(table: pandas.DataFrame, count: int) -> pandas.DataFrame:
    texts = [str(name) for name in table.columns if not pandas.api.types.is_numeric_dtype(table[name])]
    if not texts:
        centers = KMeans(count, n_init=1, random_state=0).fit(table.to_numpy(dtype=float)).cluster_centers_
        return pandas.DataFrame(centers, columns=table.columns)
    if count > 1:
        raise AnalysisError(
            f"methods.shap.num_clusters {count} needs features that are numbers, and {texts[0]!r} is text; give a baseline"
        )
    return pandas.DataFrame(
        [[table[name].mode()[0] if str(name) in texts else table[name].mean() for name in table.columns]],
        columns=table.columns,
    )


def drift_violations(explanations: Document, baseline: Document) -> list[Document]:
    """Labels whose global SHAP values rank the features unlike the baseline's: an nDCG score below 0.9.

    Source: "Model Feature Attribution Drift Violations", SageMaker Developer Guide.
    """
    found = []
    for label, entry in explanations["kernel_shap"].items():
        before = baseline.get("kernel_shap", {}).get(label, {}).get("global_shap_values")
        score = 1.0 if before is None else _ndcg(before, entry["global_shap_values"])
        if score < DRIFT_THRESHOLD:
            found.append(
                {
                    "label": label,
                    "metric_name": "shap",
                    "constraint_check_type": "feature_attribution_drift_check",
                    "description": f"Feature attribution drift {score} exceeds threshold {DRIFT_THRESHOLD}",
                }
            )
    return found


def _ndcg(before: dict[str, float], now: dict[str, float]) -> float:
    if before.keys() != now.keys():
        raise AnalysisError(
            f"the baseline explains {', '.join(before)}, and the dataset has {', '.join(now)}; make a new baseline"
        )
    if len(before) == 1:
        return 1.0
    names = list(before)
    return float(ndcg_score([[abs(before[name]) for name in names]], [[abs(now[name]) for name in names]]))
