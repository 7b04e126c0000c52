"""What scales an endpoint by what is known before: events that were announced, and forecasts. Pure.

Source: Application Auto Scaling user guide, "Scheduled scaling".
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta

from mlscaling.policies.problems import bad_quantile, not_positive, not_whole, raise_if_any

_DAY_MINUTES = 1440
_FIRST_YEAR = 1970


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


@dataclass(frozen=True, kw_only=True)
class TimesUsual:
    """Demand of so many times what it would be otherwise: see `mlscaling.forecasts.announced`.

    Attributes:
        times: a TV spot may have 3 to 10.
        requests_per_second: that one instance of it is for, its knee times the utilisation wanted.
        quantile: of such events, the share that is not larger than what is there for it: 0.9 when not given.

    Raises `InvalidScalingError`.
    """

    times: float
    requests_per_second: float
    quantile: float = 0.9

    @property
    def days_seen(self) -> int:
        """How many of the last days are looked at: the last week, and the four weeks before each of its days."""
        return 36

    def __post_init__(self) -> None:
        values = (("times", self.times), ("requests_per_second", self.requests_per_second))
        raise_if_any(*(not_positive(name, value) for name, value in values), bad_quantile(self.quantile))


@dataclass(frozen=True, kw_only=True)
class Event:
    """Demand that somebody announced: at least `capacity` instances for it, asked for `lead_minutes` before.

    When not given, it lasts an hour, and the lead is 15 minutes: the longest provisioning known, 9 minutes, and some for a spot
    that comes early. `at` has an offset or a time zone. With a `demand`, it has as many more as that takes by what is known shortly
    before it begins; then it lasts half a day at most. Raises `InvalidScalingError`.
    """

    name: str
    at: datetime
    capacity: int
    minutes: float = 60
    lead_minutes: float = 15
    demand: TimesUsual | None = None

    def __post_init__(self) -> None:
        whole = not_whole(f"capacity of event '{self.name}'", self.capacity, 1)
        times = [*self._too_short(), *self._without_offset()]
        raise_if_any(whole, times or self._out_of_time(), self._too_long())

    def _too_long(self) -> Iterator[str]:
        if self.demand is not None and self.minutes > _DAY_MINUTES / 2:
            yield f"event '{self.name}' has a demand and takes {self.minutes:g} minutes; use 720 or fewer, or several events"

    def _too_short(self) -> Iterator[str]:
        if not 1 <= self.minutes < math.inf:
            yield f"minutes of event '{self.name}' is {self.minutes}; use 1 or more"
        if not 0 <= self.lead_minutes < math.inf:
            yield f"lead_minutes of event '{self.name}' is {self.lead_minutes}; use 0 or more"

    def _without_offset(self) -> Iterator[str]:
        if not isinstance(self.at, datetime):
            fix = "give a datetime with its zone, such as datetime.fromisoformat('2026-12-24T20:15:00+00:00')"
            yield f"event '{self.name}' is at {self.at!r}; {fix}"
        elif self.at.tzinfo is None:
            yield f"event '{self.name}' is at {self.at.isoformat()}; give a time with its zone, such as {self.at.isoformat()}+00:00"

    def _out_of_time(self) -> Iterator[str]:
        """What `datetime` cannot count to, and what no schedule of AWS is for."""
        try:
            is_known = min(self.begins, self.ends).year >= _FIRST_YEAR
        except OverflowError:
            is_known = False
        if not is_known:
            lasts = f"from {self.lead_minutes:g} minutes before {self.at.isoformat()} on, for {self.minutes:g} minutes"
            yield f"event '{self.name}' is {lasts}; use times of the years {_FIRST_YEAR} to {MAXYEAR}"

    @property
    def begins(self) -> datetime:
        """When its capacity is asked for: a whole minute of UTC, in which no hour is skipped or there twice."""
        return _minute_of(self.at.astimezone(UTC) - timedelta(minutes=self.lead_minutes))

    @property
    def ends(self) -> datetime:
        """When its floor expires: a whole minute of UTC."""
        return _minute_of(self.at.astimezone(UTC) + timedelta(minutes=self.minutes))


class Season(enum.Enum):
    """Which days a forecast looks at: the last ones, or those with the same weekday."""

    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, kw_only=True)
class PublishedForecast:
    """The demand that a batch inference of the project forecasts: see `mlscaling.forecasts.published`.

    Attributes:
        pipeline: its name, `<project>-<construct id in kebab case>`. It needs `Scoring(json_lines=True)`.
        interval_minutes: what one row is for, 1 or more; the times of two rows are that far apart or farther.
        time: the column of the time at which the interval begins, in UTC if it has no offset.
        requests: the column of the requests expected in the interval.
        oldest_hours: since it was published; one that is older is not used.

    Raises `InvalidScalingError`.
    """

    pipeline: str
    interval_minutes: float
    time: str = "time"
    requests: str = "requests"
    oldest_hours: float = 26

    def __post_init__(self) -> None:
        raise_if_any(not_positive("oldest_hours", self.oldest_hours), self._problems())

    def _problems(self) -> Iterator[str]:
        if not 1 <= self.interval_minutes <= _DAY_MINUTES:
            yield f"interval_minutes is {self.interval_minutes}; use 1 to {_DAY_MINUTES}"
        for name in ("pipeline", "time", "requests"):
            if not getattr(self, name):
                yield f"{name} is empty; give the name of the {'pipeline' if name == 'pipeline' else 'column'}"


@dataclass(frozen=True, kw_only=True)
class ForecastFloor:
    """A minimum that follows the forecast of the demand: see `mlscaling.forecasts.quantile`.

    Attributes:
        requests_per_second: that one instance of the floor is for, its knee times the utilisation wanted.
        quantile: of what was seen at that time of day; 0.5 is the usual demand, 1 the highest.
        season, periods: the last `periods` days, or as many weeks.
        around_minutes: what counts as the same time of day, before and after; 720 is the whole day.
        recent_hours: the hours before the forecast that are looked at, too, and count as much as those days.
        lead_minutes: how much earlier the floor rises than the forecast: the provisioning and what it may be late.
        published: a forecast that counts in the place of the quantile, for the times that it has rows for, higher or lower. The
            quantile holds for all others, and an alarm tells of them. The quantile alone when not given.

    Raises `InvalidScalingError`.
    """

    requests_per_second: float
    quantile: float
    season: Season = Season.DAY
    periods: int = 7
    around_minutes: float = 15
    recent_hours: float = 0
    lead_minutes: float = 10
    published: PublishedForecast | None = None

    @property
    def days_seen(self) -> int:
        """How many of the last days the forecast looks at, at most."""
        days = self.periods * (7 if self.season is Season.WEEK else 1)
        return max(days + math.ceil(self.around_minutes / _DAY_MINUTES), math.ceil(self.recent_hours / 24))

    def __post_init__(self) -> None:
        raise_if_any(
            not_positive("requests_per_second", self.requests_per_second),
            not_whole("periods", self.periods, 1),
            bad_quantile(self.quantile),
            self._negative(),
        )

    def _negative(self) -> Iterator[str]:
        for name in ("around_minutes", "recent_hours", "lead_minutes"):
            if not 0 <= getattr(self, name) < math.inf:
                yield f"{name} is {getattr(self, name)}; use 0 or more"
