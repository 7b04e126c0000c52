"""analysis_config.json and the dataset it describes. Source: "Configure the Analysis", SageMaker Developer Guide."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pandas

from .metrics import Groups

ML = Path(os.environ.get("ML_ROOT", "/opt/ml"))
CONFIGURATION = ML / "processing" / "input" / "config" / "analysis_config.json"
DATA = ML / "processing" / "input" / "data"
OUTPUT = ML / "processing" / "output"
MESSAGE = ML / "output" / "message"
Document = dict[str, Any]
BIAS_METHODS = ("pre_training_bias", "post_training_bias")
# A numeric column with more distinct values than this share of its rows is continuous.
_UNIQUENESS = 0.05


class AnalysisError(Exception):
    """A configuration or data that cannot be analyzed; the message is the job's ExitMessage."""


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
        methods = configuration.get("methods", {})
        refused = sorted(set(methods) - {*BIAS_METHODS, "report"})
        if refused:
            raise AnalysisError(
                f"methods.{refused[0]} is explainability, which the embedded AWS does not compute; it computes {' and '.join(BIAS_METHODS)}"
            )
        missing = [name for name in ("label", "label_values_or_threshold", "facet") if name not in configuration]
        if missing:
            raise AnalysisError(f"{missing[0]!r} is missing in the analysis configuration")
        if "post_training_bias" in methods and "predicted_label" not in configuration:
            raise AnalysisError(
                "methods.post_training_bias needs predicted_label: the embedded AWS has no endpoint that a predictor could ask; "
                "put the predictions into the dataset (a Transform step does) and name their column in predicted_label"
            )
        return cls(configuration, _read_data(configuration))

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
        if "predicted_label" in self.configuration:
            predicted, _ = _chosen(self._predicted_labels(), positive)
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
                groups = Groups(disfavored, label.astype(str).to_numpy(), outcome, predicted, condition)
                yield Facet(str(column.name), description, groups)

    def _predicted_labels(self) -> pandas.Series:
        column = self.column(self.configuration["predicted_label"])
        threshold = self.configuration.get("probability_threshold")
        if threshold is None:
            return column
        return (pandas.to_numeric(column) > float(threshold)).astype(int)


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


def _read_data(configuration: Document) -> pandas.DataFrame:
    files = [path for path in sorted(DATA.rglob("*")) if path.is_file()]
    tables = [_read_file(path, configuration) for path in files]
    if not tables or not sum(len(table) for table in tables):
        raise AnalysisError(f"there are no rows in {DATA}")
    return pandas.concat(tables, ignore_index=True)


def _read_file(path: Path, configuration: Document) -> pandas.DataFrame:
    headers = configuration.get("headers")
    match configuration.get("dataset_type", "text/csv"):
        case "text/csv":
            # With headers given the file has none, as in AWS's container.
            return pandas.read_csv(path, header=None if headers else 0, names=headers, skipinitialspace=True)
        case "application/jsonlines":
            return pandas.read_json(path, lines=True)
        case "application/x-parquet":
            return pandas.read_parquet(path)
        case other:
            raise AnalysisError(
                f"dataset_type {other!r} is not one of text/csv, application/jsonlines, application/x-parquet"
            )
