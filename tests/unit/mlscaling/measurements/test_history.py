"""Counts of demand from a file."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import pytest

from mlscaling.measurements.history import History, InvalidHistoryError
from tests.unit.mlscaling.demand_days import START


def test_a_file_of_times_and_counts_is_read_whatever_its_order_and_gaps(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(
        "timestamp,value\n2026-03-02 00:20:00,4\n2026-03-02 00:00:00,1\n2026-03-02 00:05:00,2\n2026-03-02 00:10:00,3\n"
    )

    history = History.read_csv(path)

    assert (history.start, history.interval_seconds) == (START, 300)
    assert history.counts[:3] == (1, 2, 3)
    assert math.isnan(history.counts[3])
    assert history.counts[4] == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timestamp,value\n2026-03-02,1\n", "the history has 1 counts; give at least 2"),
        ("timestamp,value\nyesterday,1\n", "counts.csv: line 2 is 'yesterday,1'; give a time and a count of 0 to"),
        ("2026-03-02,-1\n2026-03-03,inf\n", "line 1 is '2026-03-02,-1'; line 2 is '2026-03-03,inf'; give"),
        ("2026-03-02,1\n2026-03-03,1e300\n0001-01-01T00:00+05:00,1", "line 2 is '2026-03-03,1e300'; line 3 is '0001"),
        ("2026-03-02\n" * 9, "line 1 is .*; line 2 is .*; line 3 is '2026-03-02'; and 6 more like these; give"),
        ("t,v\n2026-03-02,nan\n2026-03-03,nan\n", "counts.csv: none of the 2 counts is a number"),
        (
            "t,v\n1970-01-01,1\n2026-03-02,1\n2026-03-03,1\n2026-03-04,1\n",
            "nobody counted from 1970-01-01T00:00:00.00:00 to 2026-03-02T00:00:00.00:00, which is 20514 days; correct",
        ),
        ("t,v\n2026-03-02,\xff1\n", "counts.csv: line 2 has the byte 0xff, which is not UTF-8; save the file as UTF-8"),
        ('t,v\n2026-03-02,"1\n', "counts.csv: line 2: unexpected end of data; save the file as CSV"),
        (
            "t,v\n2026-03-02T00:00:00,1\n2026-03-02T00:00:07,1\n",
            "counts are 7 seconds apart; use an interval that divides a day",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(text, encoding="latin-1")

    with pytest.raises(InvalidHistoryError, match=problem):
        History.read_csv(path)


def test_a_file_that_excel_has_saved_keeps_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("2026-03-02,1\n\n2026-03-03,2\n", encoding="utf-8-sig")

    assert History.read_csv(path).counts == (1, 2)


def test_a_count_that_is_not_a_number_is_one_that_nobody_counted(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("t,v\n2026-03-02,nan\n2026-03-03,1\n2026-03-04,nan\n2026-03-05,2\n2026-03-06,nan\n")

    history = History.read_csv(path)

    assert (history.start, history.interval_seconds) == (START + timedelta(days=1), 86_400)
    assert str(history.counts) == "(1.0, nan, 2.0)"


@pytest.mark.parametrize("count", [-1.0, math.inf])
def test_counts_that_cannot_be_are_refused_whoever_gives_them(count: float) -> None:
    with pytest.raises(InvalidHistoryError, match=f"the count of 2026-03-02T00:00:00.00:00 is {count}; give"):
        History.of([(START, count), (START + timedelta(minutes=5), 1)])
