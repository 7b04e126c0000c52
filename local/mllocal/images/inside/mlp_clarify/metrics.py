"""Bias metrics before and after training.

Source of names and formulas: "Pre-training Bias Metrics" and "Post-training Data and Model Bias Metrics", SageMaker Developer Guide.
`a` is the favored group and `d` the disfavored one (the facet's own values); 1 is the positive outcome.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

_NEIGHBORS, _FEW_RECORDS = 5, 9
"""Of the flip test, in AWS's open library of bias metrics (smclarify): one neighbor where the favored group has few records."""


@dataclass(frozen=True)
class Groups:
    """One facet's rows: who is in the disfavored group, labels as given and as outcome, predicted outcomes, groups to condition on,
    and the numbers by which rows are neighbors.
    """

    disfavored: Any
    labels: Any
    outcome: Any
    predicted: Any = None
    condition: Any = None
    neighborhood: Any = None

    def sample(self, rows: Any) -> Groups:
        """Some of the rows."""
        parts = (self.disfavored, self.labels, self.outcome, self.predicted, self.condition, self.neighborhood)
        return Groups(*(None if part is None else part[rows] for part in parts))


@dataclass(frozen=True)
class Metric:
    """A metric's full name, its formula, and its value where there is no bias."""

    title: str
    formula: Callable[[Groups], float]
    ideal: float = 0.0


def _share(values: Any) -> float:
    return float(values.mean()) if len(values) else math.nan


def _ratio(numerator: float, denominator: float) -> float:
    if denominator:
        return numerator / denominator
    return math.nan if numerator == 0 else math.inf


def _difference(of: Callable[[Any, Any], float], *, a_minus_d: bool = True) -> Callable[[Groups], float]:
    """A statistic of labels and predictions, compared between the groups."""

    def formula(groups: Groups) -> float:
        d = groups.disfavored
        favored, disfavored = of(groups.outcome[~d], groups.predicted[~d]), of(groups.outcome[d], groups.predicted[d])
        return favored - disfavored if a_minus_d else disfavored - favored

    return formula


def _distributions(groups: Groups) -> tuple[Any, Any]:
    values = numpy.unique(groups.labels)
    d = groups.disfavored
    shares = [
        numpy.array([(labels == value).mean() for value in values]) for labels in (groups.labels[~d], groups.labels[d])
    ]
    return shares[0], shares[1]


def _divergence(first: Any, second: Any) -> float:
    present = first > 0
    if bool((second[present] == 0).any()):
        return math.inf
    return float((first[present] * numpy.log(first[present] / second[present])).sum())


def class_imbalance(groups: Groups) -> float:
    """(n_a - n_d) / (n_a + n_d)."""
    return 1.0 - 2.0 * _share(groups.disfavored)


def _jensen_shannon(groups: Groups) -> float:
    first, second = _distributions(groups)
    middle = (first + second) / 2
    return (_divergence(first, middle) + _divergence(second, middle)) / 2


def _norm(order: float, factor: float = 1.0) -> Callable[[Groups], float]:
    def formula(groups: Groups) -> float:
        first, second = _distributions(groups)
        return factor * float(numpy.linalg.norm(first - second, order))

    return formula


def _conditional_disparity(outcome_of: Callable[[Groups], Any]) -> Callable[[Groups], float]:
    def disparity(disfavored: Any, outcome: Any) -> float:
        rejected, accepted = float((~outcome).sum()), float(outcome.sum())
        share_rejected = _ratio(float((disfavored & ~outcome).sum()), rejected) if rejected else 0.0
        return share_rejected - (_ratio(float((disfavored & outcome).sum()), accepted) if accepted else 0.0)

    def formula(groups: Groups) -> float:
        if groups.condition is None:
            raise ValueError("group_variable is not given")
        outcome = outcome_of(groups)
        parts = [groups.condition == value for value in numpy.unique(groups.condition)]
        return sum(float(part.mean()) * disparity(groups.disfavored[part], outcome[part]) for part in parts)

    return formula


def _recall(truth: Any, predicted: Any) -> float:
    return _share(predicted[truth])


def _precision(truth: Any, predicted: Any) -> float:
    return _share(truth[predicted])


def _entropy(groups: Groups) -> float:
    benefits = groups.predicted.astype(float) - groups.outcome.astype(float) + 1
    return float((((benefits / benefits.mean()) ** 2) - 1).mean() / 2)


def _flip_test(groups: Groups) -> float:
    """How many disfavored rows their favored neighbors would have accepted, less those they would have rejected, as a share."""
    if groups.neighborhood is None:
        raise ValueError("FT compares neighbors, and needs columns beside facet and label that are all numbers")
    from sklearn.neighbors import KNeighborsClassifier  # It takes a second, and only this metric needs it.

    d = groups.disfavored
    favored = groups.neighborhood[~d]
    neighbors = KNeighborsClassifier(_NEIGHBORS if len(favored) > _FEW_RECORDS else 1).fit(
        favored, groups.predicted[~d]
    )
    accepted, predicted = neighbors.predict(groups.neighborhood[d]), groups.predicted[d]
    return float((accepted & ~predicted).sum() - (~accepted & predicted).sum()) / len(predicted)


PRE_TRAINING = {
    "CDDL": Metric(
        "Conditional Demographic Disparity in Labels (CDDL)", _conditional_disparity(lambda groups: groups.outcome)
    ),
    "CI": Metric("Class Imbalance (CI)", class_imbalance),
    "DPL": Metric(
        "Difference in Positive Proportions in Labels (DPL)",
        lambda groups: _share(groups.outcome[~groups.disfavored]) - _share(groups.outcome[groups.disfavored]),
    ),
    "JS": Metric("Jensen-Shannon Divergence (JS)", _jensen_shannon),
    "KL": Metric("Kullback-Leibler Divergence (KL)", lambda groups: _divergence(*_distributions(groups))),
    "KS": Metric("Kolmogorov-Smirnov Distance (KS)", _norm(math.inf)),
    "LP": Metric("L-p Norm (LP)", _norm(2)),
    "TVD": Metric("Total Variation Distance (TVD)", _norm(1, 0.5)),
}
POST_TRAINING = {
    "AD": Metric("Accuracy Difference (AD)", _difference(lambda truth, predicted: _share(truth == predicted))),
    "CDDPL": Metric(
        "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
        _conditional_disparity(lambda groups: groups.predicted),
    ),
    "DAR": Metric("Difference in Acceptance Rates (DAR)", _difference(_precision)),
    "DCA": Metric(
        "Difference in Conditional Acceptance (DCA)",
        _difference(lambda truth, predicted: _ratio(float(truth.sum()), float(predicted.sum()))),
    ),
    "DCR": Metric(
        "Difference in Conditional Rejection (DCR)",
        _difference(lambda truth, predicted: _ratio(float((~truth).sum()), float((~predicted).sum())), a_minus_d=False),
    ),
    "DI": Metric(
        "Disparate Impact (DI)",
        lambda groups: _ratio(
            _share(groups.predicted[groups.disfavored]), _share(groups.predicted[~groups.disfavored])
        ),
        ideal=1.0,
    ),
    "DPPL": Metric(
        "Difference in Positive Proportions in Predicted Labels (DPPL)",
        _difference(lambda truth, predicted: _share(predicted)),
    ),
    "DRR": Metric(
        "Difference in Rejection Rates (DRR)",
        _difference(lambda truth, predicted: _precision(~truth, ~predicted), a_minus_d=False),
    ),
    "FT": Metric("Flip Test (FT)", _flip_test),
    "GE": Metric("Generalized Entropy (GE)", _entropy),
    "RD": Metric("Recall Difference (RD)", _difference(_recall)),
    "SD": Metric(
        "Specificity Difference (SD)",
        _difference(lambda truth, predicted: _recall(~truth, ~predicted), a_minus_d=False),
    ),
    "TE": Metric(
        "Treatment Equality (TE)",
        _difference(
            lambda truth, predicted: _ratio(float((truth & ~predicted).sum()), float((~truth & predicted).sum())),
            a_minus_d=False,
        ),
    ),
}
