"""The demonstration's view of the data: what is known at a forecast's origin, and what happened after it.

The origin is the first hour to forecast: everything before it is history, the 168 hours from it are the week.
This module runs where the demonstration runs, not in a job; it needs nothing but the standard library.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

DATA = Path(__file__).with_name("data") / "bikeshare_hourly.csv"
YEAR = 2011  # of `day`, the day of the year in the data
WEEK = timedelta(weeks=1)
_HOUR = timedelta(hours=1)

Demand = Mapping[datetime, float]
"""Rentals per hour, by the hour's start on the local clock; hours that were not recorded are absent."""


@dataclass(frozen=True, kw_only=True)
class ForecastErrors:
    """How far a forecast is from what happened.

    Attributes:
        rmse: root mean squared error, in rentals per hour.
        mae: mean absolute error, in rentals per hour.
        wape: sum of the absolute errors as a share of the sum of the demand.
        hours: how many hours were compared.
    """

    rmse: float
    mae: float
    wape: float
    hours: int


def timestamp(row: Mapping[str, str]) -> datetime:
    """The hour of a row: the data has a day of the year and an hour, but no date."""
    return datetime(YEAR, 1, 1) + timedelta(days=int(row["day"]) - 1, hours=int(row["hr"]))


def final_origin(source: Path = DATA) -> datetime:
    """The origin whose week is the last 168 hours of the data."""
    return max(all_demand(source)) + _HOUR - WEEK


def write_history(path: Path, *, until: datetime, source: Path = DATA) -> int:
    """Write the rows before an origin to a CSV file: what a team uploads when the forecast is due.

    Args:
        path: the file to write; it appears whole or not at all.
        until: the origin; rows of this hour and later are left out.
        source: the data, unchanged.

    Returns:
        How many rows were written.

    Raises:
        ValueError: there is no row before the origin.
    """
    with source.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if timestamp(row) < until]
    if not rows:
        raise ValueError(f"{source.name} has no hour before {until}; choose a later origin")
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)
    return len(rows)


def actual_demand(origin: datetime, source: Path = DATA) -> dict[datetime, float]:
    """What happened in the 168 hours from the origin on."""
    known = all_demand(source)
    return {hour: known[hour] for hour in known if origin <= hour < origin + WEEK}


def seasonal_naive(origin: datetime, source: Path = DATA) -> dict[datetime, float]:
    """The baseline's forecast of the 168 hours from the origin on: the same hour of the week before.

    An hour that was not recorded is taken from up to three weeks earlier, as the baseline of the evaluation does.
    """
    known = {hour: count for hour, count in all_demand(source).items() if hour < origin}
    forecast = {}
    for hour in (origin + number * _HOUR for number in range(168)):
        earlier = (known.get(hour - weeks * WEEK) for weeks in range(1, 5))
        found = next((count for count in earlier if count is not None), None)
        if found is not None:
            forecast[hour] = found
    return forecast


def forecast_errors(forecast: Demand, actual: Demand) -> ForecastErrors:
    """Compare a forecast with what happened, in the hours that were recorded.

    Raises:
        ValueError: nothing to compare, or an hour that happened and was not forecast.
    """
    missing = sorted(actual.keys() - forecast.keys())
    if missing or not actual:
        raise ValueError(
            f"the forecast lacks {len(missing)} of the {len(actual)} hours that were recorded"
            + (f", first {missing[0]}" if missing else "; choose an origin inside the data")
        )
    errors = [forecast[hour] - count for hour, count in actual.items()]
    return ForecastErrors(
        rmse=math.sqrt(sum(error**2 for error in errors) / len(errors)),
        mae=sum(abs(error) for error in errors) / len(errors),
        wape=sum(abs(error) for error in errors) / sum(actual.values()),
        hours=len(errors),
    )


def all_demand(source: Path = DATA) -> dict[datetime, float]:
    """The whole year."""
    with source.open(newline="", encoding="utf-8") as file:
        return {timestamp(row): float(row["bikers"]) for row in csv.DictReader(file)}
