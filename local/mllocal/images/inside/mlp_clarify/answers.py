"""What a model answered: predicted labels for bias metrics, scores for explanations.

Source: `ModelPredictedLabelConfig` in the SageMaker Python SDK's reference, whose examples these rules follow.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jmespath
import numpy
import pandas

from .contract import AnalysisError, Document

_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Answers:
    """The answers of a model, one for each record, and where in them labels and scores are (`predictor`)."""

    values: Sequence[Any]
    settings: Document

    @classmethod
    def of(cls, lines: Sequence[str], accept: str, settings: Document) -> Answers:
        """From lines of CSV or JSON."""
        return cls([json.loads(line) for line in lines] if accept != "text/csv" else list(csv.reader(lines)), settings)

    def labels(self, threshold: float | None, *, is_continuous: bool) -> pandas.Series:
        """The predicted labels: as answered, of the highest score, or 1 (or the one label header) for a score above the threshold.

        The threshold is 0.5 unless given. Whole numbers are no scores without a threshold, and no numbers are where labels are
        continuous.
        """
        headers = _as_list(self.settings.get("label_headers"))
        found = pandas.Series([_of_highest(*pair, headers) for pair in zip(*self._located(), strict=True)])
        numbers = pandas.to_numeric(found, errors="coerce")
        are_scores = not is_continuous and bool(numbers.notna().all()) and bool((numbers % 1 != 0).any())
        if threshold is None and not are_scores:
            return numbers if bool(numbers.notna().all()) else found
        above = numbers > (_DEFAULT_THRESHOLD if threshold is None else float(threshold))
        return above.map({True: headers[0] if headers else 1, False: "" if headers else 0})

    def scores(self) -> Any:
        """The scores as a row of numbers for each record."""
        labels, probabilities = self._located()
        found = probabilities if "probability" in self.settings else labels
        try:
            return numpy.array([_as_list(value) for value in found], dtype=float)
        except (TypeError, ValueError):
            raise AnalysisError(
                f"the model's answer {self.values[0]!r} has no scores, or not as many for each record; say in predictor.label "
                "(ModelExplainabilityCheckConfig: model_scores) where they are"
            ) from None

    def score_names(self, count: int) -> list[str]:
        """The names of the scores: the label headers, or `label0`, `label1`, ..."""
        headers = _as_list(self.settings.get("label_headers"))
        return [str(name) for name in headers] if len(headers) == count else [f"label{place}" for place in range(count)]

    def _located(self) -> tuple[list[Any], list[Any]]:
        """The label and the probability of each answer; the other one, or the whole answer, where only one or none is named."""
        label, probability = self.settings.get("label"), self.settings.get("probability")
        named = probability if label is None else label
        first = [_locate(value, named, "label") for value in self.values]
        second = [_locate(value, label if probability is None else probability, "probability") for value in self.values]
        return first, second


def _locate(answer: Any, where: str | int | None, field: str) -> Any:
    """The value at an index of a list or at a JMESPath of an object; the only value, or the whole, if no place is given."""
    if where is None:
        return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    if isinstance(answer, list) and str(where).isdigit() and int(where) < len(answer):
        return answer[int(where)]
    found = jmespath.search(str(where), answer) if isinstance(answer, dict) else None
    if found is None:
        raise AnalysisError(f"predictor.{field} {where!r} finds nothing in the model's answer {answer!r}")
    return found


def _of_highest(label: Any, probability: Any, headers: list[Any]) -> Any:
    """The label; of several, or of label headers, the one with the highest probability."""
    if not isinstance(probability, list):
        return label
    choices = headers if headers else label
    if not isinstance(choices, list) or len(choices) != len(probability):
        return label
    return choices[int(numpy.argmax(numpy.array(probability, dtype=float)))]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
