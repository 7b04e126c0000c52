"""Metric alarms are evaluated every second and whenever data or an alarm is put, by their own dimensions and periods.

ministack compares one statistic over all dimensions, only when data arrives, and knows no missing data. The periods here
end at the moment of the evaluation; CloudWatch's begin on whole minutes. Alarms on math expressions are not evaluated.

Alarms of scaling policies look at whole periods of the clock of scaling, and tell those policies what they see. Where that clock runs
faster, sums are of a shorter time, and count as if it had been the whole period.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch

from mllocal.autoscaling.decisions import Breach
from mllocal.emulator.alarm_states import Rule, evaluate, is_supported
from mllocal.emulator.durability import save

Alarm = dict[str, Any]
Point = dict[str, Any]
SCALING_POLICY = ":scalingPolicy:"
_OF_A_PERIOD = ("Sum", "SampleCount")


PolicyListener = Callable[[str, str, Breach | None], None]
"""Takes the ARN of a policy, the name of its alarm, and what that sees; None when it is not in ALARM."""


@dataclass(frozen=True)
class _Window:
    """The periods that an alarm looks at: the last one ends at `end`."""

    end: float
    seconds: float
    factor: float

    def of(self, timestamp: float) -> int:
        """The number of the period that a moment is in, counted back; negative for one that is not over."""
        return int((self.end - timestamp) // self.seconds)


@dataclass
class Alarms:
    """Evaluates alarms. `speed` is that of the clock of scaling."""

    speed: float
    tell: PolicyListener
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def register(self) -> None:
        """Have CloudWatch evaluate alarms as documented."""
        cloudwatch._evaluate_alarm = self.evaluate

    def evaluate_all(self) -> None:
        """Evaluate every alarm of every account and region."""
        changed = False
        for (account, region, _), alarm in list(cloudwatch._alarms._data.items()):
            with request_scope(account, region):
                changed = self.evaluate(alarm) or changed
        if changed:
            save(("cloudwatch",))

    def evaluate(self, alarm: Alarm) -> bool:
        """Move an alarm to the state that its metric asks for; whether it moved."""
        comparison = alarm.get("ComparisonOperator") or ""
        if not alarm.get("MetricName") or not alarm.get("Namespace") or not is_supported(comparison):
            return False
        with self._lock:
            return self._evaluate(alarm, comparison)

    def _evaluate(self, alarm: Alarm, comparison: str) -> bool:
        rule = _rule(alarm, comparison)
        window = self._window(alarm)
        values = _values(alarm, rule.periods, window)
        state, reason = evaluate(rule, values)
        before = alarm["StateValue"]
        moved = state is not None and state != before
        if moved:
            alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
            cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
            cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
            cloudwatch._evaluate_parent_alarms(alarm)
        for policy in _policies(alarm):
            self.tell(policy, alarm["AlarmName"], _breach(alarm, rule, values, window))
        return moved

    def _window(self, alarm: Alarm) -> _Window:
        now, seconds = time.time(), float(alarm.get("Period") or 60)
        if not any(_policies(alarm)):
            return _Window(now, seconds, 1)
        real = seconds / self.speed
        is_of_a_period = alarm.get("Statistic") in _OF_A_PERIOD
        return _Window(now // real * real, real, self.speed if is_of_a_period else 1)


def _rule(alarm: Alarm, comparison: str) -> Rule:
    periods = int(alarm.get("EvaluationPeriods") or 1)
    return Rule(
        comparison=comparison,
        threshold=float(alarm.get("Threshold") or 0),
        evaluation_periods=periods,
        datapoints_to_alarm=int(alarm.get("DatapointsToAlarm") or periods),
        treat_missing_data=alarm.get("TreatMissingData") or "missing",
    )


def _policies(alarm: Alarm) -> Iterator[str]:
    if alarm.get("ActionsEnabled", True):
        yield from (action for action in alarm.get("AlarmActions") or () if SCALING_POLICY in action)


def _breach(alarm: Alarm, rule: Rule, values: list[float | None], window: _Window) -> Breach | None:
    newest = next(((age, value) for age, value in enumerate(values) if value is not None), None)
    if alarm["StateValue"] != "ALARM" or newest is None:
        return None
    age, value = newest
    is_high = rule.comparison.startswith("Greater")
    return Breach(alarm["AlarmName"], is_high, rule.threshold, value, window.end - age * window.seconds)


def _values(alarm: Alarm, periods: int, window: _Window) -> list[float | None]:
    """The statistic of each period, the newest first; None for one without data."""
    dimensions = {pair["Name"]: pair["Value"] for pair in alarm.get("Dimensions") or ()}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    by_period: dict[int, list[Point]] = {}
    for point in list(cloudwatch._metrics.get(key) or ()):
        if alarm.get("Unit") in (None, point["Unit"]) and point["Timestamp"] <= window.end:
            by_period.setdefault(window.of(point["Timestamp"]), []).append(point)
    return [_statistic(alarm, by_period.get(number, []), window.factor) for number in range(periods)]


def _statistic(alarm: Alarm, points: list[Point], factor: float) -> float | None:
    statistics = cloudwatch._calc_stats(points)
    if not statistics:
        return None
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value: float | None = cloudwatch._stat_value(statistics, name, points)
    return None if value is None else value * factor
