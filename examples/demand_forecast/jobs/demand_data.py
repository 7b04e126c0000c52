"""Reads the rental history, and says everything that is wrong with it at once."""

from __future__ import annotations

import argparse
import calendar
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from job import JobError

YEAR = 2011  # of the data that comes with the example: it has a day of the year, but no date
REQUIRED_COLUMNS = ("day", "hr", "bikers")
# Not used for the forecast, but where they are given they must agree with the columns that are.
CROSS_CHECKED_COLUMNS = ("weekday", "casual", "registered")
LONGEST_GAP_HOURS = 72
HOURS_PER_WEEK = 168


@dataclass(frozen=True)
class History:
    """Demand of every hour of the local clock from the first to the last one recorded.

    Attributes:
        demand: rentals per hour, on an hourly index without holes; an hour that was not recorded is NaN.
        rows: how many hours were recorded.
        files: names of the files read.
    """

    demand: pd.Series
    rows: int
    files: tuple[str, ...]

    @property
    def next_hour(self) -> pd.Timestamp:
        """The forecast origin: the first hour that is not known."""
        return self.demand.index[-1] + pd.Timedelta(hours=1)


def add_history_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say where the history is: --input and --year."""
    default = Path("/opt/ml/processing/input")
    parser.add_argument("--input", type=Path, default=default, help="directory with the history's *.csv files")
    parser.add_argument("--year", type=int, default=YEAR, help="year of column 'day' (default %(default)s)")


def read_history(directory: Path, *, minimum_weeks: int, year: int = YEAR) -> History:
    """Read and check all `*.csv` files below a directory.

    Args:
        directory: where the files are; columns `day` (of the year, from 1), `hr` (0 to 23) and `bikers`
            (rentals in that hour).
        minimum_weeks: the shortest history that is enough for what is done with it.
        year: which year `day` counts from.

    Raises:
        JobError: with all problems of all files.
    """
    problems: list[str] = []
    rows = _read_rows(directory, problems)
    numbers = _numbers(rows, year, problems)
    if {"day", "hr"} <= set(numbers.columns):
        clock = numbers[["day", "hr"]].dropna()
        hours = pd.Timestamp(year, 1, 1) + pd.to_timedelta((clock["day"] - 1) * 24 + clock["hr"], unit="h")
        problems += _clock_problems(rows, numbers, hours)
        if len(clock) == len(rows):
            problems += _coverage_problems(pd.DatetimeIndex(hours.sort_values().unique()), minimum_weeks)
    problems += _demand_problems(rows, numbers)
    if problems:
        raise JobError(*problems)
    demand = pd.Series(numbers["bikers"].to_numpy(float), index=pd.DatetimeIndex(hours)).sort_index()
    return History(demand=demand.asfreq("h"), rows=len(rows), files=tuple(dict.fromkeys(rows["file"])))


def _read_rows(directory: Path, problems: list[str]) -> pd.DataFrame:
    """All rows of all files as text, in the columns that every file has, and the file and line of each."""
    files = sorted(directory.rglob("*.csv"))
    if not files:
        raise JobError(f"no *.csv file in {directory}; put the rental history there")
    frames: list[pd.DataFrame] = []
    for file in files:
        name = file.relative_to(directory).as_posix()
        try:
            frame = pd.read_csv(file, dtype=str, keep_default_na=False, index_col=False, encoding="utf-8-sig")
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            problems.append(f"{name} is not a CSV file with a header: {' '.join(str(error).split())}")
            continue
        missing = [column for column in REQUIRED_COLUMNS if column not in frame]
        if missing:
            problems.append(f"{name} lacks the column {_quoted(missing)}; it has {_quoted(frame.columns)}")
        if frame.empty:
            problems.append(f"{name} has a header but zero rows; give one row for each hour")
        frames.append(frame.assign(file=name, line=np.arange(len(frame)) + 2))
    if not any(len(frame) for frame in frames):
        raise JobError(*problems)
    return pd.concat(frames, ignore_index=True, join="inner")


def _numbers(rows: pd.DataFrame, year: int, problems: list[str]) -> pd.DataFrame:
    """The columns that are used or checked, as numbers; NaN for a value that is a problem."""
    days = 366 if calendar.isleap(year) else 365
    highest = {"day": days, "hr": 23, "weekday": 6}
    lowest = {"day": 1}
    columns = [column for column in (*REQUIRED_COLUMNS, *CROSS_CHECKED_COLUMNS) if column in rows]
    numbers = {}
    for column in columns:
        parsed = pd.to_numeric(rows[column], errors="coerce").replace([np.inf, -np.inf], np.nan)
        low, high = lowest.get(column, 0), highest.get(column, np.inf)
        limits = f"use {low} to {high}" if column in highest else f"use {low} or more"
        wrong = {
            "is not a number; give a number": parsed.isna(),
            "is not a whole number; give a whole number": parsed % 1 > 0,
            f"is below {low}; {limits}": parsed < low,
            f"is above {high}; {limits}": parsed > high,
        }
        problems += [_sentence(rows, where, column, what) for what, where in wrong.items() if where.any()]
        unusable = pd.concat(wrong, axis="columns").any(axis="columns")
        numbers[column] = parsed.mask(unusable).astype(float)
    return pd.DataFrame(numbers)


def _clock_problems(rows: pd.DataFrame, numbers: pd.DataFrame, hours: pd.Series) -> Iterator[str]:
    """Hours that are there twice, or that are not on the weekday that the row says."""
    twice = hours.duplicated()
    if twice.any():
        first = rows.loc[hours.index[twice][0]]
        yield (
            f"{_counted(twice, 'hour')} given more than once, first {hours[twice].iloc[0]:%Y-%m-%d %H:%M} "
            f"({first['file']} line {first['line']}); keep one row an hour"
        )
    if "weekday" in numbers:
        given = numbers["weekday"].loc[hours.index]
        expected = (hours.dt.day_of_week + 1) % 7  # 0 is Sunday in the data and Monday in pandas
        wrong = given.notna() & (given != expected)
        if wrong.any():
            year = hours.iloc[0].year
            yield _sentence(rows, wrong, "weekday", f"is not the weekday of that day of {year}; check --year")


def _demand_problems(rows: pd.DataFrame, numbers: pd.DataFrame) -> Iterator[str]:
    """Demand that is not the sum of its parts, or that is zero throughout."""
    if {"casual", "registered", "bikers"} <= set(numbers.columns):
        difference = numbers["casual"] + numbers["registered"] - numbers["bikers"]
        wrong = difference.notna() & (difference != 0)
        if wrong.any():
            yield _sentence(rows, wrong, "bikers", "is not casual + registered; correct one of the three")
    if "bikers" in numbers and len(numbers) and (numbers["bikers"] == 0).all():
        yield "column 'bikers' is 0 in every row; give the rentals in each hour"


def _coverage_problems(hours: pd.DatetimeIndex, minimum_weeks: int) -> Iterator[str]:
    """A history that is too short, or has a hole that the features cannot look across."""
    first, last = hours[0], hours[-1]
    weeks = ((last - first) / pd.Timedelta(hours=1) + 1) / HOURS_PER_WEEK
    if weeks < minimum_weeks:
        yield (
            f"the history is too short: need {minimum_weeks} weeks, got {weeks:.1f} "
            f"({first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}); add older rentals"
        )
    gaps = np.diff(hours.to_numpy()) / np.timedelta64(1, "h") - 1
    if len(gaps) and gaps.max() > LONGEST_GAP_HOURS:
        start = hours[int(gaps.argmax())]
        yield (
            f"no rentals are recorded for {int(gaps.max())} hours after {start:%Y-%m-%d %H:%M}; "
            f"a gap may last {LONGEST_GAP_HOURS} hours, so add the hours that are missing"
        )


def _sentence(rows: pd.DataFrame, wrong: pd.Series, column: str, what_and_fix: str) -> str:
    """How many values are wrong, and where the first of them is."""
    first = rows.loc[wrong.index[wrong][0]]
    what, fix = what_and_fix.split("; ")
    place = f"'{first[column]}' at {first['file']} line {first['line']}"
    return f"column '{column}' {what} in {_counted(wrong, 'row')}, first {place}; {fix}"


def _counted(which: pd.Series, unit: str) -> str:
    return f"1 {unit}" if which.sum() == 1 else f"{which.sum()} {unit}s"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
