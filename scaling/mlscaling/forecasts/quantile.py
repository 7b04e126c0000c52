"""The demand that the past forecasts. Standard library only: it runs in a function, too.

The forecast of a time of day is a quantile of what was seen around it on the last days, or on the same weekday of the last weeks. It
needs no fitting, a day that was out of the ordinary moves it little, and it may be read off a chart. Hyndman and Athanasopoulos,
"Forecasting: Principles and Practice", chapter 5, has the seasonal naive method, of which this is the quantile.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from mlscaling.measurements.history import DAY_SECONDS, History
from mlscaling.policies.planned import ForecastFloor, Season


def forecast(history: History, floor: ForecastFloor, first: datetime, intervals: int) -> tuple[float, ...]:
    """Requests per second in each interval of the history's length from `first` on; 0 where nothing is known.

    Only counts before `first` are looked at, so that a replay may ask as a function would have asked.
    """
    look = replace(floor, requests_per_second=1.0, lead_minutes=0, published=None)
    begin = history.place(first)
    return forecast_of(history, look, range(begin, begin + intervals), begin)


def forecast_of(history: History, look: ForecastFloor, places: range, known: int) -> tuple[float, ...]:
    """Requests per second in intervals of the history, by their places; the count at place `known` and later ones are not looked at."""
    return tuple(_forecast_at(history, look, place, known) for place in places)


def _forecast_at(history: History, look: ForecastFloor, place: int, known: int) -> float:
    period = DAY_SECONDS // history.interval_seconds * (7 if look.season is Season.WEEK else 1)
    around = min(round(look.around_minutes * 60) // history.interval_seconds, period // 2)
    # Without recent hours, counts after the latest that is looked at change nothing: what is remembered does not depend on them.
    last = known if look.recent_hours else min(known, place - period + around + 1)
    return _remembered(history, look, place, max(0, last), period, around)


@lru_cache(maxsize=131_072)
def _remembered(history: History, look: ForecastFloor, place: int, known: int, period: int, around: int) -> float:
    recent = round(look.recent_hours * 3600) // history.interval_seconds
    seen = [
        count
        for middle in range(place - period, place - (look.periods + 1) * period, -period)
        for count in history.counts[max(0, middle - around) : max(0, min(middle + around + 1, known))]
    ]
    seen += history.counts[max(0, known - recent) : known] * look.periods
    return quantile_of(seen, look.quantile) / history.interval_seconds


def quantile_of(values: list[float], quantile: float) -> float:
    """Straight between the two values around it."""
    ordered = sorted(value for value in values if not math.isnan(value))
    if not ordered:
        return 0.0
    position = quantile * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


DAYS = ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=15)
DAYS_WIDELY = replace(DAYS, around_minutes=60)
WEEKS = replace(DAYS, periods=4, season=Season.WEEK)

SEEN = (
    DAYS,
    DAYS_WIDELY,
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=180),
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=180, recent_hours=6),
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=60, periods=3),
    WEEKS,
)
"""The looks at the past that are tried."""
