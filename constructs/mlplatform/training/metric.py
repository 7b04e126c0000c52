"""The rule by which a trained model is registered or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlpipelines import Condition, GreaterThan, GreaterThanOrEqualTo, JsonGet, LessThan, LessThanOrEqualTo

_Comparison = Literal["below", "at most", "above", "at least"]

_CONDITIONS: dict[_Comparison, type[LessThan | LessThanOrEqualTo | GreaterThan | GreaterThanOrEqualTo]] = {
    "below": LessThan,
    "at most": LessThanOrEqualTo,
    "above": GreaterThan,
    "at least": GreaterThanOrEqualTo,
}


@dataclass(frozen=True, kw_only=True)
class MetricRule:
    """A metric and the bound it must keep. Made by `Metric`."""

    metric: Metric
    comparison: _Comparison
    bound: float

    @property
    def lower_is_better(self) -> bool:
        """Which way the metric improves."""
        return self.comparison in ("below", "at most")

    def condition(self, value: JsonGet) -> Condition:
        """The rule as a condition on a value of the property file."""
        return _CONDITIONS[self.comparison](value, self.bound)

    def __str__(self) -> str:
        return f"{self.metric.name} is {self.comparison} {self.bound:g}"


@dataclass(frozen=True)
class Metric:
    """A metric that the evaluation script writes, as SageMaker's model quality reports name it.

    `Metric("relative_rmse").below(1.0)` reads `regression_metrics.relative_rmse.value` of `evaluation.json`. Classifiers write
    `group="binary_classification_metrics"` or `"multiclass_classification_metrics"` (developer guide, "Model quality metrics").
    """

    name: str
    group: str = "regression_metrics"

    @property
    def json_path(self) -> str:
        """Where the metric stands in `evaluation.json`."""
        return f"{self.group}.{self.name}.value"

    def below(self, bound: float) -> MetricRule:
        """The metric must be less than `bound`."""
        return MetricRule(metric=self, comparison="below", bound=bound)

    def at_most(self, bound: float) -> MetricRule:
        """The metric must be `bound` or less."""
        return MetricRule(metric=self, comparison="at most", bound=bound)

    def above(self, bound: float) -> MetricRule:
        """The metric must be more than `bound`."""
        return MetricRule(metric=self, comparison="above", bound=bound)

    def at_least(self, bound: float) -> MetricRule:
        """The metric must be `bound` or more."""
        return MetricRule(metric=self, comparison="at least", bound=bound)
