"""Cron expressions of EventBridge Scheduler: what is wrong with one, and the days and times that it names.

Its fields are Quartz's, without the seconds: Sunday is 1, days are named by one of two fields and the other is `?`, and
there are years, `L`, `W` and `#`. The common cron libraries read another dialect, so that it is read here.

Source: EventBridge Scheduler user guide, "Schedule types", cron-based schedules.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Self

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_SATURDAY, _SUNDAY = 5, 6
"""As `date.weekday()` counts."""


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

    def number(self, text: str) -> int | None:
        """What a number or a name stands for; None if it stands for nothing in this field."""
        if text in self.names:
            return self.names.index(text) + self.first
        if text.isascii() and text.isdigit() and self.first <= int(text) <= self.last:
            return int(text)
        return None

    def is_special(self, part: str) -> bool:
        return self.special is not None and self.special.fullmatch(part) is not None


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31, special=re.compile(r"\?|L|LW|([1-9]|[12]\d|3[01])W")),
    _Field("month", 1, 12, names=_MONTHS),
    _Field("day of week", 1, 7, names=_WEEKDAYS, special=re.compile(rf"\?|L|([1-7]|{'|'.join(_WEEKDAYS)})(L|#[1-5])")),
    _Field("year", 1970, 2199),
)
FIRST_YEAR, LAST_YEAR = _FIELDS[-1].first, _FIELDS[-1].last


def cron_problems(fields: list[str]) -> Iterator[str]:
    """What is wrong with the fields of an expression, one sentence without a subject for each mistake."""
    if len(fields) != len(_FIELDS):
        yield f"has {len(fields)} fields; use 6: minute hour day-of-month month day-of-week year"
        return
    for field, text in zip(_FIELDS, fields, strict=True):
        for part in text.split(","):
            yield from _part_problems(field, part.upper())
    if (fields[2] == "?") == (fields[4] == "?"):
        yield "must name days in one way; use ? in exactly one of day of month and day of week"


def _part_problems(field: _Field, part: str) -> Iterator[str]:
    if field.is_special(part):
        return
    value, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) >= 1):
        yield f"has step '{step}' in {field.name}; use a whole number of 1 or more"
    if value == "*":
        return
    first, dash, last = value.partition("-")
    bounds = [field.number(bound) for bound in ((first, last) if dash else (first,))]
    numbers = [bound for bound in bounds if bound is not None]
    if len(numbers) < len(bounds):
        yield f"has {field.name} {value}; use {field.allowed}"
    elif numbers != sorted(numbers):
        yield f"has {field.name} {value}, which ends before it starts; put the smaller value first"


@dataclass(frozen=True)
class Cron:
    """A correct expression, as the years, months, days and times of day that it names. Make one with `parse()`."""

    times: tuple[time, ...]
    """Of each day that it names, in order."""
    months: frozenset[int]
    years: frozenset[int]
    _month_days: tuple[str, ...]
    _weekdays: tuple[str, ...]

    @classmethod
    def parse(cls, fields: list[str]) -> Self:
        """Raises ValueError with everything that is wrong."""
        if problems := list(cron_problems(fields)):
            raise ValueError(f"cron expression '{' '.join(fields)}' {'; '.join(problems)}")
        minutes, hours, month_days, months, weekdays, years = (tuple(text.upper().split(",")) for text in fields)
        return cls(
            times=tuple(
                time(h, m) for h in sorted(_values(_FIELDS[1], hours)) for m in sorted(_values(_FIELDS[0], minutes))
            ),
            months=frozenset(_values(_FIELDS[3], months)),
            years=frozenset(_values(_FIELDS[5], years)),
            _month_days=month_days,
            _weekdays=weekdays,
        )

    def days(self, first: date, last: date) -> Iterator[date]:
        """The days that it names, from one to another, both included."""
        for year in sorted(self.years & set(range(first.year, last.year + 1))):
            for month in sorted(self.months):
                for day in sorted(self._days_of(year, month)):
                    if first <= (found := date(year, month, day)) <= last:
                        yield found

    def _days_of(self, year: int, month: int) -> set[int]:
        by_weekday = self._month_days == ("?",)
        parts, named = (self._weekdays, _weekdays_named) if by_weekday else (self._month_days, _month_days_named)
        return {day for part in parts for day in named(part, year, month)}


def _values(field: _Field, parts: tuple[str, ...]) -> set[int]:
    """The numbers that ordinary parts of a field stand for."""
    return {number for part in parts for number in _part_values(field, part)}


def _part_values(field: _Field, part: str) -> range:
    value, slash, step = part.partition("/")
    first, dash, last = value.partition("-")
    begin = field.first if value == "*" else field.number(first)
    end = field.number(last) if dash else (field.last if slash or value == "*" else begin)
    if begin is None or end is None:
        raise ValueError(f"{field.name} {part} stands for no number; use {field.allowed}")
    return range(begin, end + 1, int(step) if slash else 1)


def _month_days_named(part: str, year: int, month: int) -> set[int]:
    last = calendar.monthrange(year, month)[1]
    match part:
        case "L":
            return {last}
        case "LW":
            return {_nearest_weekday(date(year, month, last), last)}
    if part.endswith("W"):
        day = int(part[:-1])
        return {_nearest_weekday(date(year, month, day), last)} if day <= last else set()
    return {day for day in _part_values(_FIELDS[2], part) if day <= last}


def _nearest_weekday(day: date, last: int) -> int:
    """The nearest day from Monday to Friday in the same month."""
    shift = {_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0)
    if not 1 <= day.day + shift <= last:
        shift = 2 if shift < 0 else -2
    return day.day + shift


def _weekdays_named(part: str, year: int, month: int) -> set[int]:
    """`L` alone is Saturday, the last day of the week; `6L` is the last Friday of the month, `6#3` its third one."""
    field, days = _FIELDS[4], calendar.monthrange(year, month)[1]
    name, hash_, ordinal = part.partition("#")
    is_last = part != "L" and part.endswith("L") and not hash_
    text = part[:-1] if is_last else name
    numbers = {field.last} if part == "L" else set(_part_values(field, text))
    found = [day for day in range(1, days + 1) if _weekday_number(date(year, month, day)) in numbers]
    if hash_:
        return set(found[int(ordinal) - 1 : int(ordinal)])
    return set(found[-1:]) if is_last else set(found)


def _weekday_number(day: date) -> int:
    """Sunday is 1."""
    return (day + timedelta(days=1)).weekday() + 1
