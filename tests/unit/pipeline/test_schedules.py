from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplatform import InvalidPropsError, Schedule


@pytest.mark.parametrize(
    "expression",
    [
        "0 3 ? * MON *",
        "cron(0 3 ? * MON *)",
        "0/15 8-18 ? * MON-FRI *",
        "30 6 L * ? *",
        "30 6 15W * ? 2026-2030",
        "0 0 ? JAN,JUL 2#1 *",
        "0 12 1,15 * ? *",
    ],
)
def test_what_eventbridge_takes_is_taken(expression: str) -> None:
    schedule = Schedule.cron(expression)
    assert schedule.expression == f"cron({expression.removeprefix('cron(').removesuffix(')')})"


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("0 25 * * ? *", "schedule 'cron(0 25 * * ? *)' has hour 25; use 0-23"),
        ("60 3 ? * MON *", "has minute 60; use 0-59"),
        ("0 3 ? 13 MON *", "has month 13; use 1-12 or JAN-DEC"),
        ("0 3 ? * MONDAY *", "has day of week MONDAY; use 1-7 or SUN-SAT"),
        ("0 3 ? * FRI-MON *", "has day of week FRI-MON, which ends before it starts"),
        ("0 3 32 * ? *", "has day of month 32; use 1-31"),
        ("0 3 * * * *", "use ? in exactly one of day of month and day of week"),
        ("0 3 ? * ? *", "use ? in exactly one of day of month and day of week"),
        ("0/0 3 ? * MON *", "has step '0' in minute; use a whole number of 1 or more"),
        ("0 3 ? * MON", "has 5 fields; use 6: minute hour day-of-month month day-of-week year"),
        ("0 3 ? * MON 1969", "has year 1969; use 1970-2199"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_may_be(expression: str, sentence: str) -> None:
    with pytest.raises(InvalidPropsError) as caught:
        Schedule.cron(expression)
    assert sentence in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidPropsError) as caught:
        Schedule.cron("61 25 ? * MON *", time_zone="America/Nowhere")
    assert [problem.split(" has ")[1].split(";")[0] for problem in caught.value.problems] == [
        "minute 61",
        "hour 25",
        "time zone 'America/Nowhere'",
    ]


@given(st.integers(0, 59), st.integers(0, 23), st.integers(1, 7))
def test_every_weekly_time_is_taken(minute: int, hour: int, weekday: int) -> None:
    assert Schedule.cron(f"{minute} {hour} ? * {weekday} *").expression == f"cron({minute} {hour} ? * {weekday} *)"


@given(st.text(max_size=40))
def test_no_text_makes_anything_but_a_schedule_or_a_sentence(text: str) -> None:
    problems: tuple[str, ...] = ()
    try:
        Schedule.cron(text)
    except InvalidPropsError as error:
        problems = error.problems
    assert all(problem.startswith("schedule '") for problem in problems)


def test_a_rate_has_one_unit_and_agrees_in_number() -> None:
    assert Schedule.rate(hours=1).expression == "rate(1 hour)"
    assert Schedule.rate(days=7).expression == "rate(7 days)"
    with pytest.raises(InvalidPropsError, match="has 2 units; give exactly one"):
        Schedule.rate(hours=1, days=1)
    with pytest.raises(InvalidPropsError, match="has 0 units; give exactly one"):
        Schedule.rate()
    with pytest.raises(InvalidPropsError, match="has -5 minutes; use 1 or more"):
        Schedule.rate(minutes=-5)


def test_window_and_dates_are_kept() -> None:
    start, end = datetime(2026, 12, 1, tzinfo=ZoneInfo("Asia/Tokyo")), datetime(2027, 12, 1, tzinfo=UTC)
    schedule = Schedule.cron("0 3 ? * MON *", flexible_window_minutes=15, start_date=start, end_date=end)
    assert (schedule.flexible_window_minutes, schedule.start_date, schedule.end_date) == (15, start, end)


def test_wrong_windows_and_dates_are_told_at_once() -> None:
    naive = datetime(2026, 12, 1)
    with pytest.raises(InvalidPropsError) as caught:
        Schedule.cron("0 25 ? * MON *", flexible_window_minutes=1441, start_date=naive)
    assert len(caught.value.problems) == 3
    assert "has flexible_window_minutes 1441; use 1 to 1440, or 0 for none" in str(caught.value)
    assert "has start_date 2026-12-01 00:00:00, which has no time zone" in str(caught.value)
    with pytest.raises(InvalidPropsError, match="which is not after start_date"):
        Schedule.rate(days=1, start_date=datetime(2027, 1, 1, tzinfo=UTC), end_date=datetime(2026, 1, 1, tzinfo=UTC))


def test_the_expected_interval_is_the_longest_gap_and_the_window() -> None:
    assert Schedule.rate(hours=6, flexible_window_minutes=10).expected_interval_seconds == 6 * 3_600 + 600
    assert Schedule.cron("30 2 * * ? *", time_zone="Europe/Berlin").expected_interval_seconds == 47 * 3_600
    assert Schedule.cron("0 0 1 1 ? 2030").expected_interval_seconds is None
