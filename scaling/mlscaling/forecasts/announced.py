"""What an announced event takes, by all that is known when it begins. Standard library only: it runs in a function, too.

"Ten times the usual" is ten times what was forecast for that hour, moved by what demand has been off its forecast in the last half hour,
as far as that has lasted until such a time lately (a regression with autocorrelated errors: Hyndman and Athanasopoulos, "Forecasting:
Principles and Practice", chapter 10), and by a quantile of what was then still missing (split conformal prediction: Lei et al.,
"Distribution-Free Predictive Inference for Regression", 2018). Each is learned from every hour of the last week, with what was known then.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from mlscaling.forecasts.quantile import DAYS, DAYS_WIDELY, WEEKS, forecast_of, quantile_of
from mlscaling.measurements.history import History
from mlscaling.policies.planned import ForecastFloor

_LEARNED_HOURS = 7 * 24
_HALF_HOUR_SECONDS = 1800
_ROUNDING = 1e-9
_LOOKS = (DAYS, DAYS_WIDELY, WEEKS)


def capacity_for(
    history: History,
    known_until: datetime,
    *,
    at: datetime,
    minutes: float,
    times: float,
    requests_per_second: float,
    quantile: float = 0.9,
) -> int:
    """Instances for an announced multiple of the usual demand, of which one serves so many requests per second.

    When to use: for the `capacity` of an event. One with a `demand` is worked out like this again until it begins.

    Args:
        known_until: no later count is looked at.
        quantile: of such events, the share that is not larger.
    """
    usual = usual_demand(history, known_until, at, minutes, quantile)
    return max(1, math.ceil(times * usual / requests_per_second - _ROUNDING))


@lru_cache(maxsize=4096)
def usual_demand(history: History, known_until: datetime, at: datetime, minutes: float, quantile: float) -> float:
    """Requests per second in the highest interval from `at` on, if nothing had been announced; 0 if nothing is known.

    By the look at the past that would have been best in the last week, by the loss that the quantile makes smallest (Koenker and
    Bassett, "Regression Quantiles", 1978).
    """
    now = min(max(0, history.place(known_until)), len(history.counts))
    window = _Window(
        ahead=max(0, history.place(at) - now),
        length=max(1, math.ceil(minutes * 60 / history.interval_seconds)),
    )
    return min((look.said(quantile) for look in _looked(history, now, window)), key=lambda one: one.loss).rate


@dataclass(frozen=True)
class _Window:
    """The intervals of an event, seen from what is known last."""

    ahead: int
    length: int


@dataclass(frozen=True)
class _Hour:
    """Of the last week: how far demand was off its forecast, and how far what came in the window was off what was expected of it."""

    off: float
    error: float


@dataclass(frozen=True)
class _Said:
    """What one look at the past says, and how wrong it has been."""

    rate: float
    loss: float


@dataclass(frozen=True)
class _Looked:
    """One look at the past: what it expects of the window, and how far it has been off in the hours of the last week."""

    expected: float
    off: float
    hours: Sequence[_Hour]
    lasts: float

    def said(self, quantile: float) -> _Said:
        """With what that quantile of the hours was still missing."""
        errors = [hour.error - self.lasts * hour.off for hour in self.hours]
        missing = quantile_of(errors, quantile)
        wrong = (error - missing for error in errors)
        loss = sum(max(quantile * one, (quantile - 1) * one) for one in wrong)
        return _Said(rate=max(0.0, self.expected + self.lasts * self.off + missing), loss=loss)


@lru_cache(maxsize=1024)  # Several quantiles are asked for.
def _looked(history: History, now: int, window: _Window) -> tuple[_Looked, ...]:
    found = []
    for look in _LOOKS:
        off, expected = _seen_from(history, look, now, window)
        hours = list(_hours(history, look, now, window))
        found.append(_Looked(expected=expected, off=off, hours=hours, lasts=_slope(hours)))
    return tuple(found)


def _hours(history: History, look: ForecastFloor, now: int, window: _Window) -> Iterator[_Hour]:
    """Those of which it is known what came in a window that was as far ahead."""
    hour = max(1, 3600 // history.interval_seconds)
    for place in range(now - hour, max(0, now - _LEARNED_HOURS * hour - 1), -hour):
        came = history.counts[place + window.ahead : min(place + window.ahead + window.length, now)]
        if len(came) == window.length and not any(map(math.isnan, came)):
            off, expected = _seen_from(history, look, place, window)
            yield _Hour(off=off, error=max(came) / history.interval_seconds - expected)


def _seen_from(history: History, look: ForecastFloor, place: int, window: _Window) -> tuple[float, float]:
    """How many requests per second the last half hour was off its forecast, and the highest that was forecast then for the window."""
    back = min(max(1, _HALF_HOUR_SECONDS // history.interval_seconds), place)
    begin = place + window.ahead
    rates = forecast_of(history, look, range(place - back, place), place - back)
    pairs = zip(history.counts[place - back : place], rates, strict=True)
    offs = [count / history.interval_seconds - rate for count, rate in pairs if not math.isnan(count)]
    expected = max(forecast_of(history, look, range(begin, begin + window.length), place - back))
    return sum(offs) / max(len(offs), 1), expected


def _slope(hours: Sequence[_Hour]) -> float:
    """Of the errors over the offs by least squares, 0 to 1: nothing lasts, or all of it."""
    squares = sum(hour.off**2 for hour in hours)
    return min(max(sum(hour.off * hour.error for hour in hours) / squares, 0.0), 1.0) if squares else 0.0
