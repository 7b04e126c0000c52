"""When a pipeline starts by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Self
from zoneinfo import available_timezones

from mlpipelines.cron import cron_problems
from mlpipelines.fire_times import longest_gap
from mlplatform.pipeline.problems import raise_if_any

_MAX_WINDOW_MINUTES = 1_440  # EventBridge Scheduler API reference, FlexibleTimeWindow.


@dataclass(frozen=True)
class Schedule:
    """A time rule of EventBridge Scheduler, with the time zone it is meant in (daylight saving time included).

    Make one with `cron()` or `rate()`. A wrong rule raises `InvalidPropsError` with every mistake in it.

    Both take `flexible_window_minutes`: the start may come up to that much later, so that many schedules do not fire at
    once (off, 0, when not given); and `start_date` and `end_date`, with a time zone, between which it fires. EventBridge
    Scheduler refuses to create or to change a schedule with a start date of more than five minutes ago: leave it out then.
    """

    expression: str
    time_zone: str = "UTC"
    flexible_window_minutes: int = 0
    start_date: datetime | None = None
    end_date: datetime | None = None

    @classmethod
    def cron(
        cls,
        expression: str,
        *,
        time_zone: str = "UTC",
        flexible_window_minutes: int = 0,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> Self:
        """Six fields: minute, hour, day of month, month, day of week, year. `0 3 ? * MON *` is Mondays at 03:00."""
        inner = re.fullmatch(r"\s*cron\((.*)\)\s*", expression)
        fields = (inner[1] if inner else expression).split()
        schedule = cls(f"cron({' '.join(fields)})", time_zone, flexible_window_minutes, start_date, end_date)
        schedule._raise_if_any([*cron_problems(fields), *_time_zone_problems(time_zone)])
        return schedule

    @classmethod
    def rate(
        cls,
        *,
        minutes: int = 0,
        hours: int = 0,
        days: int = 0,
        flexible_window_minutes: int = 0,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> Self:
        """A fixed interval in one unit: `Schedule.rate(hours=6)`. It counts from `start_date`, or from the deployment."""
        given = {unit: value for unit, value in (("minute", minutes), ("hour", hours), ("day", days)) if value}
        subject = f"schedule rate(minutes={minutes}, hours={hours}, days={days})"
        if len(given) != 1:
            raise_if_any(subject, [f"{subject} has {len(given)} units; give exactly one"])
        unit, value = next(iter(given.items()))
        if value < 1:
            raise_if_any(subject, [f"{subject} has {value} {unit}s; use 1 or more"])
        expression = f"rate({value} {unit}{'' if value == 1 else 's'})"
        schedule = cls(expression, "UTC", flexible_window_minutes, start_date, end_date)
        schedule._raise_if_any([])
        return schedule

    @property
    def expected_interval_seconds(self) -> int | None:
        """The longest time from one start to the next, flexible window included: without a start for longer, something is wrong.

        Daylight saving time counts: a daily start at a time that a night in spring skips is two days apart once a year.
        None if it starts once at most.
        """
        gap = longest_gap(self.expression, time_zone=self.time_zone)
        return None if gap is None else int(gap.total_seconds()) + 60 * self.flexible_window_minutes

    def _raise_if_any(self, problems: list[str]) -> None:
        subject = f"schedule '{self.expression}'"
        found = [*problems, *self._option_problems()]
        raise_if_any(subject, [f"{subject} {problem}" for problem in found])

    def _option_problems(self) -> Iterator[str]:
        if not 0 <= self.flexible_window_minutes <= _MAX_WINDOW_MINUTES:
            minutes = self.flexible_window_minutes
            yield f"has flexible_window_minutes {minutes}; use 1 to {_MAX_WINDOW_MINUTES}, or 0 for none"
        dates = {"start_date": self.start_date, "end_date": self.end_date}
        naive = [name for name, moment in dates.items() if moment is not None and moment.utcoffset() is None]
        for name in naive:
            yield f"has {name} {dates[name]}, which has no time zone; give one, such as tzinfo=ZoneInfo('Asia/Tokyo')"
        if naive or self.start_date is None or self.end_date is None:
            return
        if self.end_date <= self.start_date:
            yield f"has end_date {self.end_date}, which is not after start_date {self.start_date}; give a later one"


@cache
def _known_time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time_zone_problems(time_zone: str) -> Iterator[str]:
    if time_zone not in _known_time_zones():
        yield f"has time zone '{time_zone}'; use a name of the IANA time zone database, such as America/New_York"
