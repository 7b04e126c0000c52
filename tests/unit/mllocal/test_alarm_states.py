"""The states of alarms: the examples of CloudWatch's user guide, "Configuring how CloudWatch alarms treat missing data"."""

from __future__ import annotations

import pytest

from mllocal.emulator.alarm_states import Rule, State, evaluate

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEPT = None

ALL_OF_THREE = [
    ("0 - X - X", ("OK", "OK", "OK", "OK")),
    ("0 - - - -", ("OK", "OK", "OK", "OK")),
    ("- - - - -", ("INSUFFICIENT_DATA", KEPT, "ALARM", "OK")),
    ("0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("- - X - -", ("ALARM", KEPT, "ALARM", "OK")),
]
TWO_OF_THREE = [
    ("0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 - X - -", ("OK", "OK", "ALARM", "OK")),
    ("- - - - 0", ("OK", "OK", "ALARM", "OK")),
    ("- - - X -", ("ALARM", KEPT, "ALARM", "OK")),
]
VALUES = {"0": 1.0, "X": 9.0, "-": None}


def rule(needed: int, treatment: str) -> Rule:
    return Rule(
        comparison="GreaterThanThreshold",
        threshold=5.0,
        evaluation_periods=3,
        datapoints_to_alarm=needed,
        treat_missing_data=treatment,
    )


@pytest.mark.parametrize(
    ("needed", "data", "states"),
    [(3, *example) for example in ALL_OF_THREE] + [(2, *example) for example in TWO_OF_THREE],
)
def test_missing_data_is_treated_as_the_user_guide_says(
    needed: int, data: str, states: tuple[State | None, ...]
) -> None:
    newest_first = [VALUES[point] for point in reversed(data.split())]
    found = tuple(evaluate(rule(needed, treatment), newest_first)[0] for treatment in TREATMENTS)
    assert found == states


@pytest.mark.parametrize(
    ("comparison", "values", "state"),
    [
        ("GreaterThanOrEqualToThreshold", 5.0, "ALARM"),
        ("GreaterThanThreshold", 5.0, "OK"),
        ("LessThanThreshold", 5.0, "OK"),
        ("LessThanOrEqualToThreshold", 5.0, "ALARM"),
    ],
)
def test_a_value_on_the_threshold_breaches_if_the_comparison_says_so(
    comparison: str, values: float, state: State
) -> None:
    one = Rule(
        comparison=comparison,
        threshold=5.0,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        treat_missing_data="missing",
    )
    assert evaluate(one, [values, None, None])[0] == state


def test_the_reason_says_what_was_compared() -> None:
    _, reason = evaluate(rule(2, "breaching"), [9.0, None, None, None, None])
    assert "1 out of the last 1 datapoints [9] were greater than the threshold (5)" in reason
    assert "2 missing datapoints were treated as breaching" in reason
