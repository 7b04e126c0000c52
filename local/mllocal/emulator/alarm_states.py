"""The state of a CloudWatch alarm from its datapoints, as CloudWatch documents it.

Source: CloudWatch user guide, "Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
EXTRA_PERIODS = 2
"""CloudWatch looks further back than the evaluation periods, in case of missing data; in its examples by two."""
_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (ge, "greater than or equal to"),
    "GreaterThanThreshold": (gt, "greater than"),
    "LessThanThreshold": (lt, "less than"),
    "LessThanOrEqualToThreshold": (le, "less than or equal to"),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What an alarm says about its metric."""

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    treat_missing_data: str

    @property
    def periods(self) -> int:
        """How many periods are looked at."""
        return self.evaluation_periods + EXTRA_PERIODS


def is_supported(comparison: str) -> bool:
    """Whether a comparison is with a threshold; those with a band need a model of the metric."""
    return comparison in _COMPARISONS


def evaluate(rule: Rule, values: Sequence[float | None]) -> tuple[State | None, str]:
    """The state and its reason; None for the state that it has. `values` are of the periods, the newest first."""
    breaches, words = _COMPARISONS[rule.comparison]
    real = [(age, value) for age, value in enumerate(values, 1) if value is not None][: rule.evaluation_periods]
    missing = rule.evaluation_periods - len(real)
    breaching = [age for age, value in real if breaches(value, rule.threshold)]
    shown = ", ".join(f"{value:g}" for _, value in real)
    reason = (
        f"Threshold Crossed: {len(breaching)} out of the last {len(real)} datapoints [{shown}] were {words} the threshold "
        f"({rule.threshold:g}); {rule.datapoints_to_alarm} of {rule.evaluation_periods} are needed for ALARM."
    )
    if missing:
        reason += f" {missing} missing datapoints were treated as {rule.treat_missing_data}."
    return _state(rule, len(real), missing, breaching), reason


def _state(rule: Rule, real: int, missing: int, breaching: Sequence[int]) -> State | None:
    needed = rule.datapoints_to_alarm
    if missing and rule.treat_missing_data == "breaching":
        return "ALARM" if len(breaching) + missing >= needed else "OK"
    if len(breaching) >= needed:
        return "ALARM"
    if not missing or rule.treat_missing_data == "notBreaching" or len(breaching) < real:
        return "OK"
    if rule.treat_missing_data == "ignore":
        return None
    if not real:
        return "INSUFFICIENT_DATA"
    # Everything there is breaches. It is enough if the oldest is as old as the datapoints that are needed.
    return "ALARM" if max(breaching) >= needed else None
