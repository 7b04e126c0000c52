"""When a tuning job stops a training job before its end: by the median of earlier ones, or by Hyperband's halving.

A training job reports its objective once an epoch; how it does compared with the others decides whether it goes on.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mllocal.sagemaker.store import Document

REDUCTION_FACTOR = 3
_WHOLE_NUMBER = re.compile(r'"?(\d+)"?')
RESOURCE_NAMES = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Static hyperparameters from which SageMaker infers `MaxResource` (API reference, HyperbandStrategyConfig)."""


@dataclass(frozen=True)
class Curve:
    """What the objective of a training job was after each epoch so far, larger for better. `number` counts from 0."""

    number: int
    values: Sequence[float] = field(default_factory=list)
    has_ended: bool = False


class StoppingRule(Protocol):
    """Decides whether a training job is stopped after an epoch, which counts from 1."""

    def stops(self, curve: Curve, epoch: int, others: Sequence[Curve]) -> bool: ...


class NeverStops:
    """`TrainingJobEarlyStoppingType` Off."""

    def stops(self, curve: Curve, epoch: int, others: Sequence[Curve]) -> bool:
        """No."""
        return False


class MedianRule:
    """`TrainingJobEarlyStoppingType` Auto: worse than the median of the running averages of those that ended, up to the same epoch.

    Source: "Stop Training Jobs Early", SageMaker Developer Guide.
    """

    def stops(self, curve: Curve, epoch: int, others: Sequence[Curve]) -> bool:
        """Whether the value after this epoch is below that median."""
        averages = [
            statistics.fmean(other.values[:epoch]) for other in others if other.has_ended and len(other.values) >= epoch
        ]
        return bool(averages) and curve.values[epoch - 1] < statistics.median(averages)


class HalvingRule:
    """Strategy Hyperband: at each rung only the best third of those that came there go on, and none goes past `max_resource`.

    Rungs are `min_resource` times powers of 3; every training job belongs to one of the brackets, which start at different rungs
    and do not wait for stragglers. Source: Li et al., "Hyperband", 2018, and "A System for Massively Parallel Hyperparameter
    Tuning", 2020. SageMaker does not publish its own rungs and brackets.
    """

    def __init__(self, min_resource: int, max_resource: int) -> None:
        self._max_resource = max_resource
        self._rungs = []
        while min_resource < max_resource:
            self._rungs.append(min_resource)
            min_resource *= REDUCTION_FACTOR

    @classmethod
    def of(cls, configuration: Document, static: Document) -> HalvingRule:
        """From `StrategyConfig`, and static hyperparameters where it does not say `MaxResource`."""
        given = configuration.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
        return cls(given.get("MinResource", 1), max_resource(given, static) or 1)

    def stops(self, curve: Curve, epoch: int, others: Sequence[Curve]) -> bool:
        """Whether this epoch is the last there is, or a rung at which this job is not among the best third."""
        if epoch >= self._max_resource:
            return True
        bracket = self._bracket(curve)
        if epoch not in self._rungs[bracket:]:
            return False
        rivals = [
            other.values[epoch - 1]
            for other in others
            if self._bracket(other) == bracket and len(other.values) >= epoch
        ]
        better = sum(value > curve.values[epoch - 1] for value in rivals)
        return better >= math.ceil((len(rivals) + 1) / REDUCTION_FACTOR)

    def _bracket(self, curve: Curve) -> int:
        return curve.number % max(len(self._rungs), 1)


def max_resource(given: Document, static: Document) -> int | None:
    """`MaxResource` of a `HyperbandStrategyConfig`, or the number of epochs that a static hyperparameter gives; None without both.

    The SDK writes hyperparameters as JSON, so that a number may be in quotes.
    """
    found = given.get("MaxResource") or next((static[name] for name in RESOURCE_NAMES if name in static), "")
    match = _WHOLE_NUMBER.fullmatch(str(found))
    return None if match is None else int(match[1])


def stopping_rule(configuration: Document, static: Document) -> StoppingRule:
    """The rule of a tuning job's configuration."""
    if configuration["Strategy"] == "Hyperband":
        return HalvingRule.of(configuration, static)
    return MedianRule() if configuration.get("TrainingJobEarlyStoppingType") == "Auto" else NeverStops()
