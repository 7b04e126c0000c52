"""Metric alarms are evaluated every second and whenever data or an alarm is put, by their own dimensions and periods.

ministack compares one statistic over all dimensions, only when data arrives, and knows no missing data. The periods here
end at the moment of the evaluation; CloudWatch's begin on whole minutes. Alarms on math expressions are not evaluated.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch

from mllocal.emulator.alarm_states import Rule, evaluate, is_supported
from mllocal.emulator.durability import save
from mllocal.sagemaker.store import Scope

Alarm = dict[str, Any]
Point = dict[str, Any]


def register_alarms() -> None:
    """Have CloudWatch evaluate alarms as documented."""
    cloudwatch._evaluate_alarm = _evaluate


def evaluate_alarms() -> None:
    """Evaluate every alarm of every account and region."""
    _evaluate_all(list(cloudwatch._alarms._data.items()))


def evaluate_alarms_of(scope: Scope) -> None:
    """Evaluate the alarms of one account and region."""
    _evaluate_all(
        [item for item in list(cloudwatch._alarms._data.items()) if item[0][:2] == (scope.account, scope.region)]
    )


def _evaluate_all(alarms: list[tuple[tuple[str, str, str], Alarm]]) -> None:
    changed = False
    for (account, region, _), alarm in alarms:
        with request_scope(account, region):
            changed = _evaluate(alarm) or changed
    if changed:
        save(("cloudwatch",))


def _evaluate(alarm: Alarm) -> bool:
    """Move an alarm to the state that its metric asks for; whether it moved."""
    comparison = alarm.get("ComparisonOperator") or ""
    if not alarm.get("MetricName") or not alarm.get("Namespace") or not is_supported(comparison):
        return False
    periods = int(alarm.get("EvaluationPeriods") or 1)
    rule = Rule(
        comparison=comparison,
        threshold=float(alarm.get("Threshold") or 0),
        evaluation_periods=periods,
        datapoints_to_alarm=int(alarm.get("DatapointsToAlarm") or periods),
        treat_missing_data=alarm.get("TreatMissingData") or "missing",
    )
    state, reason = evaluate(rule, _values(alarm, rule.periods))
    before = alarm["StateValue"]
    if state is None or state == before:
        return False
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
    return True


def _values(alarm: Alarm, periods: int) -> list[float | None]:
    """The statistic of each period, the newest first; None for one without data."""
    now, seconds = time.time(), int(alarm.get("Period") or 60)
    dimensions = {pair["Name"]: pair["Value"] for pair in alarm.get("Dimensions") or ()}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    by_period: dict[int, list[Point]] = {}
    for point in list(cloudwatch._metrics.get(key) or ()):
        if alarm.get("Unit") in (None, point["Unit"]) and point["Timestamp"] <= now:
            by_period.setdefault(int((now - point["Timestamp"]) // seconds), []).append(point)
    return [_statistic(alarm, by_period.get(number, [])) for number in range(periods)]


def _statistic(alarm: Alarm, points: list[Point]) -> float | None:
    statistics = cloudwatch._calc_stats(points)
    if not statistics:
        return None
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value: float | None = cloudwatch._stat_value(statistics, name, points)
    return value
