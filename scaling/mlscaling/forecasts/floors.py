"""The minimum that forecast and calendar ask for, minute by minute. Standard library only: it runs in a function, too."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlscaling.forecasts.announced import capacity_for
from mlscaling.forecasts.published import Published
from mlscaling.forecasts.quantile import forecast
from mlscaling.measurements.history import History
from mlscaling.policies.planned import Event, ForecastFloor
from mlscaling.policies.scaling import Scaling

KNOWN_MINUTES = 15
"""What an event takes is worked out from what was known so long before it begins: a function that is called every five minutes has been
called by then, with counts that CloudWatch had completed, and early enough for an action at the beginning."""
_ROUNDING = 1e-9


def minimums(
    scaling: Scaling, history: History | None, first: datetime, minutes: int, published: Published | None = None
) -> list[int]:
    """The minimum in each minute from `first` on: the policy's own, raised by its forecast and its calendar, never over the maximum.

    `first` is when it is asked for: nothing that comes after it is looked at, and `published` is the newest forecast then. Ask each
    hour again. An event with a `demand` takes what was known `KNOWN_MINUTES` before it begins, or what the history has of that. What
    was counted while an event was on counts for no forecast.
    """
    known = None if history is None else history.without(scaling.calendar)
    found = [scaling.minimum] * minutes
    if scaling.floor is not None:
        rates = _rates(known, published, scaling.floor, first, minutes + _lead(scaling.floor))
        for minute, wanted in enumerate(_highest_ahead(rates, _lead(scaling.floor))):
            instances = min(wanted / scaling.floor.requests_per_second, scaling.maximum)
            found[minute] = max(found[minute], math.ceil(instances - _ROUNDING))
    for event in scaling.calendar:
        begin, end = (math.floor((moment - first).total_seconds() / 60) for moment in (event.begins, event.ends))
        on = range(max(0, begin), min(minutes, end))
        wanted = min(instances_for(event, known), scaling.maximum) if on else 0
        for minute in on:
            found[minute] = max(found[minute], wanted)
    return found


def instances_for(event: Event, known: History | None) -> int:
    """What an event asks for, whatever the maximum: the least that it was given, or what its demand takes."""
    if event.demand is None or known is None:
        return event.capacity
    worked_out = capacity_for(
        known,
        event.begins - timedelta(minutes=KNOWN_MINUTES),
        at=event.at,
        minutes=event.minutes,
        times=event.demand.times,
        requests_per_second=event.demand.requests_per_second,
        quantile=event.demand.quantile,
    )
    return max(event.capacity, worked_out)


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
