"""analysis_config.json and the dataset it describes. Source: "Configure the Analysis", SageMaker Developer Guide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy
import pandas

from .contract import CONFIGURATION, AnalysisError, Document
from .dataset import read_data
from .metrics import Groups
from .predictor import Predictor

BIAS_METHODS = ("pre_training_bias", "post_training_bias")
METHODS = (*BIAS_METHODS, "shap", "report")
_REFUSED = {
    "features": "give a dataset of flat records, whose columns are the features",
    "facet_dataset_uri": "put the facet into the dataset, and into excluded_columns",
    "predicted_label_dataset_uri": "put the predicted label into the dataset",
    "time_series_data_config": "it analyzes tables",
}
# A numeric column with more distinct values than this share of its rows is continuous.
_UNIQUENESS = 0.05


@dataclass(frozen=True)
class Facet:
    """A sensitive column, and the value or threshold that names the group which may be disfavored."""

    name: str
    value: str
    groups: Groups


@dataclass(frozen=True)
class Analysis:
    """What is asked for, with its data."""

    configuration: Document
    table: pandas.DataFrame

    @classmethod
    def read(cls) -> Analysis:
        """This job's analysis. Raises `AnalysisError` naming the field that is missing or cannot be done."""
        configuration: Document = json.loads(CONFIGURATION.read_text())
        problems = list(_problems(configuration))
        if problems:
            raise AnalysisError("; ".join(problems))
        return cls(configuration, read_data(configuration))

    @property
    def methods(self) -> Document:
        """What is asked for, by method."""
        methods: Document = self.configuration["methods"]
        return methods

    @cached_property
    def predictor(self) -> Predictor:
        """The model. Raises `AnalysisError` naming the field that is missing or cannot be done."""
        if "predictor" not in self.configuration:
            raise AnalysisError("'predictor' is missing in the analysis configuration: which model is to be asked")
        return Predictor.of(self.configuration["predictor"], self.configuration.get("dataset_type", "text/csv"))

    def features(self) -> pandas.DataFrame:
        """The columns that the model gets: all but labels, what joins records, and what is excluded."""
        given = [self.configuration.get(name) for name in ("label", "predicted_label", "joinsource_name_or_index")]
        left_out = [*given, *_as_list(self.configuration.get("excluded_columns"))]
        return self.table.drop(columns=[self.column(name).name for name in left_out if name is not None])

    def column(self, name: str | int) -> pandas.Series:
        """A column by name or position."""
        if isinstance(name, int):
            return self.table.iloc[:, name]
        if name not in self.table.columns:
            raise AnalysisError(f"{name!r} is not a column; there are {', '.join(map(str, self.table.columns))}")
        return self.table[name]

    def facets(self) -> Iterator[Facet]:
        """Every facet and group that metrics are computed for."""
        label = self.column(self.configuration["label"])
        positive = list(self.configuration["label_values_or_threshold"])
        outcome, _ = _chosen(label, positive)
        predicted = None
        if "post_training_bias" in self.methods:
            predicted, _ = _chosen(self._predicted_labels(label), positive)
        group = self.configuration.get("group_variable")
        condition = None if group is None else self.column(group).astype(str).to_numpy()
        for item in self.configuration["facet"]:
            column = self.column(item["name_or_index"])
            for values in _group_values(column, item.get("value_or_threshold")):
                disfavored, description = _chosen(column, values)
                if not 0 < int(disfavored.sum()) < len(disfavored):
                    raise AnalysisError(
                        f"facet {column.name!r}: {description} selects {int(disfavored.sum())} of {len(disfavored)} rows; "
                        "both groups need rows"
                    )
                groups = Groups(
                    disfavored, label.astype(str).to_numpy(), outcome, predicted, condition, self._neighborhood(column)
                )
                yield Facet(str(column.name), description, groups)

    def _predicted_labels(self, label: pandas.Series) -> pandas.Series:
        threshold = self.configuration.get("probability_threshold")
        if "predicted_label" not in self.configuration:
            answers = self.predictor.ask(self.features())
            return answers.labels(threshold, is_continuous=_is_continuous(label))
        column = self.column(self.configuration["predicted_label"])
        return column if threshold is None else (pandas.to_numeric(column) > float(threshold)).astype(int)

    def _neighborhood(self, facet: pandas.Series) -> Any:
        """What makes records neighbors: every column but the facet and the labels; None unless all are numbers."""
        labels = [
            self.column(self.configuration[name]).name
            for name in ("label", "predicted_label")
            if name in self.configuration
        ]
        table = self.table.drop(columns=[*labels, facet.name])
        are_numbers = all(pandas.api.types.is_numeric_dtype(table[name]) for name in table.columns)
        return table.to_numpy(dtype=float) if are_numbers and len(table.columns) else None


def _problems(configuration: Document) -> Iterator[str]:
    methods = configuration.get("methods")
    if not isinstance(methods, dict):
        yield "'methods' is missing in the analysis configuration"
        return
    for name in sorted(set(methods) - set(METHODS)):
        yield f"methods.{name} is not one the embedded AWS computes; it computes {', '.join(METHODS)}"
    for name, instead in _REFUSED.items():
        if name in configuration:
            yield f"{name!r} is not one the embedded AWS does: {instead}"
    if any(name in methods for name in BIAS_METHODS):
        for name in ("label", "label_values_or_threshold", "facet"):
            if name not in configuration:
                yield f"{name!r} is missing in the analysis configuration"
    if "post_training_bias" in methods and "predicted_label" not in configuration and "predictor" not in configuration:
        yield (
            "methods.post_training_bias needs predicted_label, a column of the dataset with the predictions, or predictor, "
            "a model to ask for them"
        )


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _group_values(column: pandas.Series, given: list[Any] | None) -> list[list[Any]]:
    if given:
        return [list(given)]
    if _is_continuous(column):
        raise AnalysisError(f"facet {column.name!r} is continuous: give one threshold in value_or_threshold")
    return [[value] for value in sorted(column.unique())]


def _chosen(column: pandas.Series, values: list[Any]) -> tuple[Any, str]:
    """Which rows have one of the values, or are above the one threshold of a continuous column; and how that is written."""
    if len(values) == 1 and _is_continuous(column):
        return (column.to_numpy() > float(values[0])), f"({float(values[0])}, {column.max()}]"
    wanted = {_text(value) for value in values}
    return numpy.array([_text(value) in wanted for value in column]), ", ".join(_text(value) for value in values)


def _is_continuous(column: pandas.Series) -> bool:
    distinct = int(column.nunique())
    return bool(pandas.api.types.is_numeric_dtype(column)) and distinct > 2 and distinct / len(column) > _UNIQUENESS


def _text(value: Any) -> str:
    return str(value).removesuffix(".0")
