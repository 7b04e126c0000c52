"""Labels and scores in a model's answers: the examples of the SDK's ModelPredictedLabelConfig, and more."""

from __future__ import annotations

from typing import Any

import pytest

from mllocal.images.inside.mlp_clarify.answers import Answers
from mllocal.images.inside.mlp_clarify.contract import AnalysisError

JSON = "application/jsonlines"
CAT = '{"labels": ["cat", "dog", "fish"], "probabilities": [0.35, 0.25, 0.4]}'


@pytest.mark.parametrize(
    ("line", "accept", "settings", "threshold", "label"),
    [
        ("0.3", "text/csv", {"label_headers": "yes"}, 0.2, "yes"),
        ("0.1", "text/csv", {"label_headers": "yes"}, 0.2, ""),
        ('{"probability": 0.3}', JSON, {"label": "probability"}, None, 0),
        ('{"probability": 0.7}', JSON, {"probability": "probability"}, None, 1),
        ("1,0.3", "text/csv", {"label": 0}, None, 1),
        (CAT, JSON, {"label": "labels", "probability": "probabilities"}, None, "fish"),
        ('{"predicted_label": "fish", "probabilities": [1]}', JSON, {"label": "predicted_label"}, None, "fish"),
        ("0.35,0.25,0.4", "text/csv", {"label_headers": ["cat", "dog", "fish"]}, None, "fish"),
        ("yes", "text/csv", {}, None, "yes"),
    ],
)
def test_the_predicted_label_is_where_the_settings_say(
    line: str, accept: str, settings: dict[str, Any], threshold: float | None, label: Any
) -> None:
    (found,) = Answers.of([line], accept, settings).labels(threshold, is_continuous=False)

    assert found == label


def test_numbers_are_no_scores_where_labels_are_continuous() -> None:
    answers = Answers.of(["0.2", "7.5"], "text/csv", {})

    assert answers.labels(None, is_continuous=True).tolist() == [0.2, 7.5]


@pytest.mark.parametrize(
    ("line", "accept", "settings", "scores", "names"),
    [
        ("0.25", "text/csv", {}, [0.25], ["label0"]),
        ("0.25,0.75", "text/csv", {"label_headers": ["no", "yes"]}, [0.25, 0.75], ["no", "yes"]),
        ("yes,0.75", "text/csv", {"label": 1}, [0.75], ["label0"]),
        (CAT, JSON, {"label": "probabilities"}, [0.35, 0.25, 0.4], ["label0", "label1", "label2"]),
        (CAT, JSON, {"label": "labels", "probability": "probabilities[0]"}, [0.35], ["label0"]),
    ],
)
def test_the_scores_are_where_the_settings_say(
    line: str, accept: str, settings: dict[str, Any], scores: list[float], names: list[str]
) -> None:
    answers = Answers.of([line, line], accept, settings)

    assert answers.scores().tolist() == [scores, scores]
    assert answers.score_names(len(scores)) == names


@pytest.mark.parametrize(
    ("line", "settings", "message"),
    [
        ('{"a": 1}', {"label": "b"}, "predictor.label 'b' finds nothing in the model's answer {'a': 1}"),
        ('{"a": 1}', {}, "has no scores"),
        ('"yes"', {}, "has no scores"),
    ],
)
def test_an_answer_without_a_score_is_an_error_naming_the_field(
    line: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(AnalysisError, match=message):
        Answers.of([line], JSON, settings).scores()
