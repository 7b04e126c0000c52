"""Bad input: each problem is named with its place and fix, and all problems are told at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from demand_data import LONGEST_GAP_HOURS, read_history
from job import JobError

from examples.demand_forecast.history import DATA

Change = Callable[[pd.DataFrame], object]


def problems_of(directory: Path, change: Change, *, minimum_weeks: int = 21) -> tuple[str, ...]:
    """What is said about the example's data after one change; every value is text, as in the file."""
    rows = pd.read_csv(DATA, dtype=str)
    changed = change(rows)
    (changed if isinstance(changed, pd.DataFrame) else rows).to_csv(directory / "history.csv", index=False)
    with pytest.raises(JobError) as caught:
        read_history(directory, minimum_weeks=minimum_weeks)
    return caught.value.problems


def put(column: str, row: int, value: str) -> Change:
    def change(rows: pd.DataFrame) -> None:
        rows.loc[row, column] = value

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(
            lambda rows: rows[["day", "hr", "casual"]],
            "history.csv lacks the column 'bikers'; it has 'day', 'hr', 'casual'",
            id="missing column",
        ),
        pytest.param(
            lambda rows: rows.head(0),
            "history.csv has a header but zero rows; give one row for each hour",
            id="zero rows",
        ),
        pytest.param(
            put("bikers", 7, "many"),
            "column 'bikers' is not a number in 1 row, first 'many' at history.csv line 9; give a number",
            id="not a number",
        ),
        pytest.param(
            put("bikers", 7, ""),
            "column 'bikers' is not a number in 1 row, first '' at history.csv line 9; give a number",
            id="empty",
        ),
        pytest.param(
            put("bikers", 7, "inf"),
            "column 'bikers' is not a number in 1 row, first 'inf' at history.csv line 9; give a number",
            id="infinite",
        ),
        pytest.param(
            put("hr", 7, "7.5"),
            "column 'hr' is not a whole number in 1 row, first '7.5' at history.csv line 9; give a whole number",
            id="not whole",
        ),
        pytest.param(
            put("hr", 7, "24"),
            "column 'hr' is above 23 in 1 row, first '24' at history.csv line 9; use 0 to 23",
            id="hour out of range",
        ),
        pytest.param(
            put("day", 7, "366"),
            "column 'day' is above 365 in 1 row, first '366' at history.csv line 9; use 1 to 365",
            id="day out of range",
        ),
        pytest.param(
            lambda rows: rows.loc[[*rows.index, 100]],
            "1 hour given more than once, first 2011-01-05 09:00 (history.csv line 8647); keep one row an hour",
            id="duplicate hour",
        ),
        pytest.param(
            lambda rows: rows.head(400),
            "the history is too short: need 21 weeks, got 2.5 (2011-01-01 00:00 to 2011-01-18 15:00); add older rentals",
            id="too short",
        ),
        pytest.param(
            lambda rows: rows[~rows["day"].isin(["100", "101", "102", "103"])],
            "no rentals are recorded for 96 hours after 2011-04-09 23:00; a gap may last 72 hours, "
            "so add the hours that are missing",
            id="gap",
        ),
        pytest.param(
            put("weekday", 7, "0"),
            "column 'weekday' is not the weekday of that day of 2011 in 1 row, "
            "first '0' at history.csv line 9; check --year",
            id="weekday of another year",
        ),
        pytest.param(
            put("casual", 7, "9999"),
            "column 'bikers' is not casual + registered in 1 row, first '3' at history.csv line 9; "
            "correct one of the three",
            id="parts do not add up",
        ),
        pytest.param(
            lambda rows: rows.assign(bikers="0", casual="0", registered="0"),
            "column 'bikers' is 0 in every row; give the rentals in each hour",
            id="no demand",
        ),
    ],
)
def test_bad_input_is_named_with_its_place_and_its_fix(tmp_path: Path, change: Change, problem: str) -> None:
    assert problems_of(tmp_path, change) == (problem,)


def test_negative_demand_is_refused(tmp_path: Path) -> None:
    problem = "column 'bikers' is below 0 in 1 row, first '-5' at history.csv line 9; use 0 or more"

    assert problem in problems_of(tmp_path, put("bikers", 7, "-5"))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[3, "bikers"] = "-1"
        rows.loc[4, "hr"] = "25"
        rows.loc[5, "day"] = "first"
        rows.loc[9, "weekday"] = "2"
        return rows.loc[[*rows.index, 100]]

    told = " ".join(problems_of(tmp_path, change))

    for part in ("'-1'", "'25'", "'first'", "more than once", "weekday of that day"):
        assert part in told


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("day,hr\n1,0\n1,99\n")
    (tmp_path / "b.csv").write_text("")
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00day")

    with pytest.raises(JobError) as caught:
        read_history(tmp_path, minimum_weeks=5)

    told = "\n".join(caught.value.problems)
    assert "a.csv lacks the column 'bikers'" in told
    assert "first '99' at a.csv line 3" in told
    assert "b.csv is not a CSV file with a header" in told
    assert "c.csv is not a CSV file with a header" in told


def test_a_directory_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"no \*\.csv file in .*; put the rental history there"):
        read_history(tmp_path, minimum_weeks=5)


def test_a_history_in_several_files_is_the_same_as_in_one(data_directory: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(DATA)
    (tmp_path / "2011").mkdir()
    rows[4000:].to_csv(tmp_path / "2011" / "late.csv", index=False)
    rows[:4000].sample(frac=1, random_state=0).to_csv(tmp_path / "2011" / "early.csv", index=False)

    parts, whole = (read_history(directory, minimum_weeks=21) for directory in (tmp_path, data_directory))

    assert parts.files == ("2011/early.csv", "2011/late.csv")
    pd.testing.assert_series_equal(parts.demand, whole.demand)


def test_columns_that_are_not_used_need_not_be_there(data_directory: Path, tmp_path: Path) -> None:
    pd.read_csv(DATA)[["bikers", "hr", "day"]].to_csv(tmp_path / "few.csv", index=False)

    few, all_columns = (read_history(directory, minimum_weeks=21) for directory in (tmp_path, data_directory))

    pd.testing.assert_series_equal(few.demand, all_columns.demand)


def test_the_example_data_is_fine_and_hours_not_recorded_are_kept_apart_from_zero(data_directory: Path) -> None:
    history = read_history(data_directory, minimum_weeks=21)

    assert history.rows == 8645
    assert len(history.demand) == 365 * 24
    assert history.demand.isna().sum() == 115
    assert history.next_hour == pd.Timestamp("2012-01-01")
    assert LONGEST_GAP_HOURS < 168
