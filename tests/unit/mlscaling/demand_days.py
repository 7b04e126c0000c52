"""Days of demand, hour by hour."""

from __future__ import annotations

from datetime import UTC, datetime

from mlscaling.measurements.history import History
from mlscaling.policies.planned import ForecastFloor, Season

START = datetime(2026, 3, 2, tzinfo=UTC)  # A Monday.
HOUR = 3600


def hourly(days: list[list[float]]) -> History:
    """Requests per second in each hour."""
    return History(start=START, interval_seconds=HOUR, counts=tuple(rate * HOUR for day in days for rate in day))


def flat_with_peak(peak: float) -> list[float]:
    """10 requests per second, and more from noon to one."""
    return [peak if hour == 12 else 10.0 for hour in range(24)]


def floor(
    quantile: float = 0.5, *, season: Season = Season.DAY, periods: int = 7, lead_minutes: float = 0
) -> ForecastFloor:
    return ForecastFloor(
        requests_per_second=10, quantile=quantile, season=season, periods=periods, lead_minutes=lead_minutes
    )
