"""Counts of demand from a file."""

from __future__ import annotations

import math
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
        ("timestamp,value\nyesterday,1\n", "line 2 of .* is 'yesterday,1'; give a time and a count, such as"),
        (
            "t,v\n2026-03-02T00:00:00,1\n2026-03-02T00:00:07,1\n",
            "counts are 7 seconds apart; use an interval that divides a day",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(text)

    with pytest.raises(InvalidHistoryError, match=problem):
        History.read_csv(path)
