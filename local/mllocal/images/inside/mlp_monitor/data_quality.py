"""Data quality: statistics and suggested constraints of a dataset, and violations of a baseline's constraints."""

from __future__ import annotations

from collections.abc import Iterator

import pandas

from .columns import Column
from .drift import categorical_distance, numerical_distance
from .settings import AnalysisError, Document

MONITORING_CONFIG: Document = {
    "evaluate_constraints": "Enabled",
    "emit_metrics": "Enabled",
    "datatype_check_threshold": 1.0,
    "domain_content_threshold": 1.0,
    "distribution_constraints": {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "LInfinity",
    },
}


def columns_of(table: pandas.DataFrame) -> list[Column]:
    """Every column, analyzed."""
    return [Column(str(name), table[name]) for name in table.columns]


def statistics_of(columns: list[Column]) -> Document:
    """statistics.json."""
    return {
        "version": 0.0,
        "dataset": {"item_count": columns[0].count},
        "features": [column.statistics() for column in columns],
    }


def constraints_of(columns: list[Column]) -> Document:
    """constraints.json: what this dataset satisfies, as a suggestion for the next."""
    return {
        "version": 0.0,
        "features": [column.constraints() for column in columns],
        "monitoring_config": MONITORING_CONFIG,
    }


def violations_of(columns: list[Column], constraints: Document, baseline_statistics: Document | None) -> Document:
    """constraint_violations.json."""
    monitoring = {**MONITORING_CONFIG, **constraints.get("monitoring_config", {})}
    if monitoring["evaluate_constraints"] != "Enabled":
        return {"violations": []}
    expected = {feature["name"]: feature for feature in constraints["features"]}
    known = {feature["name"]: feature for feature in (baseline_statistics or {}).get("features", [])}
    found = list(_column_differences(columns, list(expected)))
    for column in columns:
        if column.name in expected:
            feature = expected[column.name]
            overrides = feature.get("monitoring_config_overrides", feature.get("monitoringConfigOverrides", {}))
            found += _Check(column, feature, {**monitoring, **overrides}).violations(known.get(column.name))
    return {"violations": found}


def _violation(name: str, check: str, description: str) -> Document:
    return {"feature_name": name, "constraint_check_type": check, "description": description}


def _column_differences(columns: list[Column], expected: list[str]) -> Iterator[Document]:
    given = [column.name for column in columns]
    for side, check, names in (
        ("missing", "missing_column_check", [name for name in expected if name not in given]),
        ("extra", "extra_column_check", [name for name in given if name not in expected]),
    ):
        if names:
            yield _violation(
                ", ".join(names),
                check,
                f"There are {side} columns in current dataset. Number of columns in current dataset: {len(given)}, "
                f"Number of columns in baseline constraints: {len(expected)}",
            )


class _Check:
    """The checks of one column."""

    def __init__(self, column: Column, feature: Document, monitoring: Document) -> None:
        self._column = column
        self._feature = feature
        self._monitoring = monitoring

    def violations(self, baseline: Document | None) -> list[Document]:
        """Every violation of this column."""
        found = [*self._data_type(), *self._completeness(), *self._domain()]
        return found if baseline is None else [*found, *self._drift(baseline)]

    def _data_type(self) -> Iterator[Document]:
        expected, threshold = self._feature["inferred_type"], self._monitoring["datatype_check_threshold"]
        share = self._column.share_of_type(expected)
        if share < threshold:
            yield _violation(
                self._column.name,
                "data_type_check",
                f"Data type match requirement is not met. Expected data type: {expected}, Expected match: {threshold:.1%}. "
                f"Observed: Only {share:.2%} of data is {expected}.",
            )

    def _completeness(self) -> Iterator[Document]:
        expected = self._feature.get("completeness", 0.0)
        if self._column.completeness < expected:
            yield _violation(
                self._column.name,
                "completeness_check",
                f"Completeness requirement is not met. Expected completeness: {expected:.1%}. "
                f"Observed: Only {self._column.completeness:.2%} of data is complete.",
            )

    def _domain(self) -> Iterator[Document]:
        domain = self._feature.get("string_constraints", {}).get("domains")
        threshold = self._monitoring["domain_content_threshold"]
        if domain and (share := self._column.share_within(domain)) < threshold:
            yield _violation(
                self._column.name,
                "categorical_values_check",
                f"Value domain requirement is not met. Expected match: {threshold:.1%}. "
                f"Observed: Only {share:.2%} of data is in the baseline's domain.",
            )

    def _drift(self, baseline: Document) -> Iterator[Document]:
        options = {
            **MONITORING_CONFIG["distribution_constraints"],
            **self._monitoring.get("distribution_constraints", {}),
        }
        if options["perform_comparison"] != "Enabled":
            return
        distance, threshold = self._distance(baseline, options)
        if distance is not None and distance > threshold:
            yield _violation(
                self._column.name,
                "baseline_drift_check",
                f"Baseline drift distance: {distance} exceeds threshold: {threshold}",
            )

    def _distance(self, baseline: Document, options: Document) -> tuple[float | None, float]:
        current, method = self._column.statistics(), options["comparison_method"]
        numerical = [document.get("numerical_statistics", {}) for document in (baseline, current)]
        if all("kll" in statistics.get("distribution", {}) for statistics in numerical):
            return numerical_distance(numerical[0], numerical[1], method), options["comparison_threshold"]
        text = [document.get("string_statistics", {}) for document in (baseline, current)]
        if all("categorical" in statistics.get("distribution", {}) for statistics in text):
            if options["categorical_drift_method"] != "LInfinity":
                raise AnalysisError(
                    f"categorical_drift_method {options['categorical_drift_method']!r} is not done by the embedded AWS; use LInfinity"
                )
            return categorical_distance(text[0], text[1], method), options["categorical_comparison_threshold"]
        return None, 0.0
