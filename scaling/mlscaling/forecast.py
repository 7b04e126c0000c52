"""The minimum that the demand of the past and the calendar ask for. Standard library only: it runs in a function, too.

The forecast of a time of day is a quantile of what was seen around it on the last days, or on the same weekday of the last weeks. It
needs no fitting, a day that was out of the ordinary moves it little, and it may be read off a chart. Hyndman and Athanasopoulos,
"Forecasting: Principles and Practice", chapter 5, has the seasonal naive method, of which this is the quantile.
"""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from mlscaling.planned import ForecastFloor, Season
from mlscaling.policies import Scaling
from mlscaling.published import Published

_DAY_SECONDS = 86_400
_ROUNDING = 1e-9


class InvalidHistoryError(ValueError):
    """A history that cannot be used; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True, eq=False)  # By identity, so that forecasts can be remembered cheaply.
class History:
    """Requests by interval, without a gap; an interval that nobody counted is not a number. Times have an offset; days are of UTC."""

    start: datetime
    interval_seconds: int
    counts: tuple[float, ...]

    @classmethod
    def of(cls, counted: Sequence[tuple[datetime, float]]) -> History:
        """Counts with the time at which their interval began, in UTC if they have no offset, in any order.

        The usual distance of two is the interval.

        Raises `InvalidHistoryError`.
        """
        ordered = sorted((_utc(moment), count) for moment, count in counted)
        if len(ordered) < 2:
            raise InvalidHistoryError(f"the history has {len(ordered)} counts; give at least 2")
        seconds = [(later - earlier).total_seconds() for (earlier, _), (later, _) in pairwise(ordered)]
        interval = round(statistics.median(seconds))
        if interval < 1 or _DAY_SECONDS % interval:
            raise InvalidHistoryError(
                f"counts are {interval} seconds apart; use an interval that divides a day, such as 300"
            )
        start = ordered[0][0]
        places = [round((moment - start).total_seconds() / interval) for moment, _ in ordered]
        counts = [math.nan] * (places[-1] + 1)
        for place, (_, count) in zip(places, ordered, strict=True):
            counts[place] = count if math.isnan(counts[place]) else counts[place] + count
        return cls(start=start, interval_seconds=interval, counts=tuple(counts))

    @classmethod
    def read_csv(cls, path: Path) -> History:
        """A file whose first two columns are a time (ISO 8601) and a count, with a header. Raises `InvalidHistoryError`."""
        counted: list[tuple[datetime, float]] = []
        with path.open(newline="", encoding="utf-8") as lines:
            for number, row in enumerate(csv.reader(lines)):
                try:
                    counted.append((datetime.fromisoformat(row[0]), float(row[1])))
                except (ValueError, IndexError):
                    if number:
                        problem = f"line {number + 1} of {path} is {','.join(row)!r}; give a time and a count"
                        raise InvalidHistoryError(f"{problem}, such as 2026-03-01T20:15:00,1840") from None
        return cls.of(counted)

    def place(self, moment: datetime) -> int:
        """Of the interval that a moment is in."""
        return math.floor((moment - self.start).total_seconds() / self.interval_seconds)

    def until(self, moment: datetime) -> History:
        """What was known then."""
        whole = max(0, self.place(moment))
        return History(start=self.start, interval_seconds=self.interval_seconds, counts=self.counts[:whole])


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def forecast(history: History, floor: ForecastFloor, first: datetime, intervals: int) -> tuple[float, ...]:
    """Requests per second in each interval of the history's length from `first` on; 0 where nothing is known.

    Only counts before `first` are looked at, so that a replay may ask as a function would have asked.
    """
    look = replace(floor, requests_per_second=1.0, lead_minutes=0, published=None)
    return _forecast(history, look, history.place(first), intervals)


@lru_cache(maxsize=16_384)
def _forecast(history: History, floor: ForecastFloor, begin: int, intervals: int) -> tuple[float, ...]:
    period = _DAY_SECONDS // history.interval_seconds * (7 if floor.season is Season.WEEK else 1)
    around = min(round(floor.around_minutes * 60) // history.interval_seconds, period // 2)
    known = history.counts[:begin]
    recent = known[max(0, begin - round(floor.recent_hours * 3600) // history.interval_seconds) :] * floor.periods
    counts = (
        _quantile([*_seen(known, place, period, floor.periods, around), *recent], floor.quantile)
        for place in range(begin, begin + intervals)
    )
    return tuple(count / history.interval_seconds for count in counts)


def _seen(counts: Sequence[float], place: int, period: int, periods: int, around: int) -> Iterator[float]:
    for back in range(1, periods + 1):
        middle = place - back * period
        yield from counts[max(0, middle - around) : max(0, middle + around + 1)]


def _quantile(values: list[float], quantile: float) -> float:
    """Straight between the two values around it."""
    ordered = sorted(value for value in values if not math.isnan(value))
    if not ordered:
        return 0.0
    position = quantile * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def capacity_for(
    history: History, known_until: datetime, *, at: datetime, minutes: float, times: float, requests_per_second: float
) -> int:
    """Instances for an announced multiple of the usual demand, of which one serves so many requests per second.

    The usual demand is a high quantile, 0.9, of the days that would have forecast it best lately.
    """
    known = history.until(known_until)
    intervals = max(1, math.ceil(minutes * 60 / history.interval_seconds))
    usual = forecast(known, best_seen(known, known_until, quantile=0.9), at, intervals)
    return max(1, math.ceil(times * max(usual) / requests_per_second - _ROUNDING))


SEEN = (
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=15),
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=60),
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=180),
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=180, recent_hours=6),
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=60, periods=3),
    ForecastFloor(requests_per_second=1, quantile=0.5, around_minutes=15, periods=4, season=Season.WEEK),
)
"""The looks at the past that are tried."""


def best_seen(history: History, now: datetime, *, quantile: float, days: int = 7) -> ForecastFloor:
    """The look at the past that would have forecast a quantile of the last days best, each from what was known before it.

    By the loss that the quantile makes smallest (Koenker and Bassett, "Regression Quantiles", 1978).
    """
    looks = [replace(look, quantile=quantile) for look in SEEN if not look.recent_hours]
    return min(
        looks, key=lambda look: sum(_loss(history, look, now - timedelta(days=day)) for day in range(1, days + 1))
    )


def _loss(history: History, look: ForecastFloor, midnight: datetime) -> float:
    begin = max(0, history.place(midnight))
    counts = history.counts[begin : begin + _DAY_SECONDS // history.interval_seconds]
    rates = forecast(history, look, midnight, len(counts))
    misses = [count / history.interval_seconds - rate for count, rate in zip(counts, rates, strict=True)]
    return sum(max(look.quantile * miss, (look.quantile - 1) * miss) for miss in misses if not math.isnan(miss))


def minimums(
    scaling: Scaling, history: History | None, first: datetime, minutes: int, published: Published | None = None
) -> list[int]:
    """The minimum in each minute from `first` on: the policy's own, raised by its forecast and its calendar, never over the maximum.

    `first` is when it is asked for: nothing that comes after it is looked at, and `published` is the newest forecast then. Ask each
    hour again.
    """
    found = [scaling.minimum] * minutes
    if scaling.floor is not None:
        rates = _rates(history, published, scaling.floor, first, minutes + _lead(scaling.floor))
        for minute, wanted in enumerate(_highest_ahead(rates, _lead(scaling.floor))):
            instances = min(wanted / scaling.floor.requests_per_second, scaling.maximum)
            found[minute] = max(found[minute], math.ceil(instances - _ROUNDING))
    for event in scaling.calendar:
        begin, end = (math.floor((moment - first).total_seconds() / 60) for moment in (event.begins, event.ends))
        for minute in range(max(0, begin), min(minutes, end)):
            found[minute] = max(found[minute], event.capacity)
    return found


def published_problem(floor: ForecastFloor, published: Published, first: datetime, minutes: int) -> str | None:
    """Why `minimums` would use the quantile somewhere, though a forecast is published; None if it would not."""
    return None if floor.published is None else published.problem(floor.published, first, minutes + _lead(floor))


def _lead(floor: ForecastFloor) -> int:
    """In whole minutes, since forecasts change at whole minutes."""
    return math.floor(floor.lead_minutes)


def _highest_ahead(rates: Sequence[float], lead: int) -> Iterator[float]:
    for minute in range(len(rates) - lead):
        yield max(rates[minute : minute + lead + 1])


def _rates(
    history: History | None, published: Published | None, floor: ForecastFloor, first: datetime, minutes: int
) -> list[float]:
    """Requests per second in each minute: as published, elsewhere the quantile."""
    usual = [0.0] * minutes if history is None else _usual(history, floor, first, minutes)
    if published is None or floor.published is None:
        return usual
    said = published.rates(floor.published, first, minutes)
    return [rate if one is None else one for one, rate in zip(said, usual, strict=True)]


def _usual(history: History, floor: ForecastFloor, first: datetime, minutes: int) -> list[float]:
    """The highest forecast of the intervals that a minute touches."""
    seconds = history.interval_seconds
    start = history.start + timedelta(seconds=history.place(first) * seconds)
    rates = forecast(history, floor, start, math.ceil(minutes * 60 / seconds) + 1)
    offset = (first - start).total_seconds()
    ends = (offset + minute * 60 for minute in range(1, minutes + 1))
    return [max(rates[int((end - 60) // seconds) : math.ceil(end / seconds)]) for end in ends]


@dataclass(frozen=True, kw_only=True)
class FloorPlan:
    """One-time changes of the minimum for some hours, beside those that the calendar makes by itself.

    `expires` puts back what the calendar wants, after all changes: a floor ends though nobody ever plans again.
    """

    changes: tuple[tuple[datetime, int], ...]
    expires: tuple[datetime, int]


def floor_plan(
    scaling: Scaling, history: History | None, start: datetime, minutes: int, published: Published | None = None
) -> FloorPlan:
    """What the forecast asks for from `start`, a whole minute, on. Ask each hour for some hours, and one that is missed does no harm.

    Where the calendar has a change of its own, nothing is planned for the same moment, since nobody knows which would come last: if
    the forecast wants more, it says so a minute later. A minimum that falls for a minute takes no instance away.
    """
    calendar = dict(scaling.calendar_changes())
    changes: list[tuple[datetime, int]] = []
    holds: int | None = None
    for minute, wanted in enumerate(minimums(scaling, history, start, minutes, published)):
        moment = start + timedelta(minutes=minute)
        if moment in calendar:
            holds = calendar[moment]
        elif wanted != holds:
            changes.append((moment, wanted))
            holds = wanted
    end = start + timedelta(minutes=minutes)
    return FloorPlan(changes=tuple(changes), expires=(end, scaling.minimum_of_calendar(end)))
