"""When a pipeline starts by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Self
from zoneinfo import available_timezones

from mlplatform.pipeline.problems import raise_if_any

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    special: re.Pattern[str] | None = None

    @property
    def allowed(self) -> str:
        by_name = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.first}-{self.last}{by_name}"


# Source: EventBridge Scheduler user guide, "Schedule types", cron-based schedules.
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31, special=re.compile(r"\?|L|LW|([1-9]|[12]\d|3[01])W")),
    _Field("month", 1, 12, names=_MONTHS),
    _Field("day of week", 1, 7, names=_WEEKDAYS, special=re.compile(r"\?|L|([1-7]|[A-Z]{3})(L|#[1-5])")),
    _Field("year", 1970, 2199),
)


@dataclass(frozen=True)
class Schedule:
    """A time rule of EventBridge Scheduler, with the time zone it is meant in (daylight saving time included).

    Make one with `cron()` or `rate()`. A wrong rule raises `InvalidPropsError` with every mistake in it.
    """

    expression: str
    time_zone: str = "UTC"

    @classmethod
    def cron(cls, expression: str, *, time_zone: str = "UTC") -> Self:
        """Six fields: minute, hour, day of month, month, day of week, year. `0 3 ? * MON *` is Mondays at 03:00."""
        inner = re.fullmatch(r"\s*cron\((.*)\)\s*", expression)
        fields = (inner[1] if inner else expression).split()
        schedule = f"cron({' '.join(fields)})"
        subject = f"schedule '{schedule}'"
        problems = [*_cron_problems(fields), *_time_zone_problems(time_zone)]
        raise_if_any(subject, [f"{subject} {problem}" for problem in problems])
        return cls(schedule, time_zone)

    @classmethod
    def rate(cls, *, minutes: int = 0, hours: int = 0, days: int = 0) -> Self:
        """A fixed interval in one unit: `Schedule.rate(hours=6)`."""
        given = {unit: value for unit, value in (("minute", minutes), ("hour", hours), ("day", days)) if value}
        subject = f"schedule rate(minutes={minutes}, hours={hours}, days={days})"
        if len(given) != 1:
            raise_if_any(subject, [f"{subject} has {len(given)} units; give exactly one"])
        unit, value = next(iter(given.items()))
        if value < 1:
            raise_if_any(subject, [f"{subject} has {value} {unit}s; use 1 or more"])
        return cls(f"rate({value} {unit}{'' if value == 1 else 's'})")


def _cron_problems(fields: list[str]) -> Iterator[str]:
    if len(fields) != len(_FIELDS):
        yield f"has {len(fields)} fields; use 6: minute hour day-of-month month day-of-week year"
        return
    for field, text in zip(_FIELDS, fields, strict=True):
        for part in text.split(","):
            yield from _part_problems(field, part.upper())
    if (fields[2] == "?") == (fields[4] == "?"):
        yield "must name days in one way; use ? in exactly one of day of month and day of week"


def _part_problems(field: _Field, part: str) -> Iterator[str]:
    if field.special is not None and field.special.fullmatch(part):
        return
    value, slash, step = part.partition("/")
    if slash and not (step.isdigit() and int(step) >= 1):
        yield f"has step '{step}' in {field.name}; use a whole number of 1 or more"
    if value == "*":
        return
    first, dash, last = value.partition("-")
    bounds = [_number(field, bound) for bound in ((first, last) if dash else (first,))]
    numbers = [bound for bound in bounds if bound is not None]
    if len(numbers) < len(bounds):
        yield f"has {field.name} {value}; use {field.allowed}"
    elif numbers != sorted(numbers):
        yield f"has {field.name} {value}, which ends before it starts; put the smaller value first"


def _number(field: _Field, text: str) -> int | None:
    if text in field.names:
        return field.names.index(text) + field.first
    if text.isdigit() and field.first <= int(text) <= field.last:
        return int(text)
    return None


@cache
def _known_time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time_zone_problems(time_zone: str) -> Iterator[str]:
    if time_zone not in _known_time_zones():
        yield f"has time zone '{time_zone}'; use a name of the IANA time zone database, such as America/New_York"
