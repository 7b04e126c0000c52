"""When EventBridge Scheduler fires, against a scan of every minute and against clock changes worked out by hand."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpipelines.fire_times import fire_times, longest_gap

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Tokyo", "UTC")
NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]


def local(expression: str, zone: str, start: datetime, end: datetime) -> list[str]:
    moments = fire_times(expression, start, end, time_zone=zone)
    return [f"{moment.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}" for moment in moments]


def fires(fields: list[str], at: datetime) -> bool:
    """A second reading of the documentation: does this minute of the clock match?"""
    minute, hour, month_day, month, weekday, year = fields
    ordinary = zip((minute, hour, month, year), (at.minute, at.hour, at.month, at.year), (0, 0, 1, 1970), strict=True)
    return all(any(matches(part, value, first) for part in text.split(",")) for text, value, first in ordinary) and (
        any(month_day_matches(part, at) for part in month_day.split(","))
        if weekday == "?"
        else any(weekday_matches(part, at) for part in weekday.split(","))
    )


def matches(part: str, value: int, first: int) -> bool:
    span, _, step = part.partition("/")
    low, dash, high = span.partition("-")
    begin = first if span == "*" else int(low)
    end = int(high) if dash else 2199 if span == "*" or step else begin
    return begin <= value <= end and (value - begin) % int(step or 1) == 0


def month_day_matches(part: str, at: datetime) -> bool:
    last = calendar.monthrange(at.year, at.month)[1]
    if part == "L":
        return at.day == last
    if part.endswith("W"):
        target = last if part == "LW" else int(part[:-1])
        if target > last:
            return False
        weekdays = [day for day in range(1, last + 1) if datetime(at.year, at.month, day).weekday() < 5]
        return at.day == min(weekdays, key=lambda day: abs(day - target))
    return matches(part, at.day, 1)


def weekday_matches(part: str, at: datetime) -> bool:
    for number, name in enumerate(NAMES, 1):
        part = part.replace(name, str(number))
    today = at.isoweekday() % 7 + 1
    if part == "L":
        return today == 7
    if part.endswith("L"):
        return today == int(part[:-1]) and at.day + 7 > calendar.monthrange(at.year, at.month)[1]
    if "#" in part:
        day, ordinal = part.split("#")
        return today == int(day) and (at.day - 1) // 7 + 1 == int(ordinal)
    return matches(part, today, 1)


def scan(fields: list[str], zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    seen, moment, place = set(), start, ZoneInfo(zone)
    # What came before the start counts for a clock that is set back over it.
    seen |= {(start - n * MINUTE).astimezone(place).replace(tzinfo=None, fold=0) for n in range(1, 181)}
    while moment < end:
        clock = moment.astimezone(place).replace(tzinfo=None, fold=0)
        if clock not in seen and fires(fields, clock):
            yield moment
        seen.add(clock)
        moment += MINUTE


def field(first: int, last: int) -> st.SearchStrategy[str]:
    number = st.integers(first, last)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    base = st.one_of(number.map(str), span, st.just("*"))
    stepped = st.tuples(base, st.integers(1, last)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.lists(st.one_of(base, stepped), min_size=1, max_size=3).map(",".join)


month_days = st.one_of(field(1, 31), st.just("L"), st.just("LW"), st.integers(1, 31).map(lambda day: f"{day}W"))
weekdays = st.one_of(
    field(1, 7),
    st.just("L"),
    st.just("MON-FRI"),
    st.sampled_from(NAMES),
    st.tuples(st.integers(1, 7), st.integers(1, 5)).map(lambda pair: f"{pair[0]}#{pair[1]}"),
    st.sampled_from(NAMES).map(lambda name: f"{name}L"),
)
days = st.one_of(st.tuples(month_days, st.just("?")), st.tuples(st.just("?"), weekdays))


@given(
    minute=field(0, 59),
    hour=field(0, 23),
    day=days,
    month=st.one_of(st.just("*"), field(1, 12)),
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 1), timezones=st.just(UTC)),
    changed=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_it_fires_as_a_scan_of_every_minute_says(
    minute: str, hour: str, day: tuple[str, str], month: str, zone: str, start: datetime, changed: bool
) -> None:
    if changed:  # Around the clock changes of the zones.
        start = start.replace(month=3 if start.month < 7 else 10, day=25 if start.month < 7 else 24)
    start = start.replace(second=0, microsecond=0)
    fields = [minute, hour, day[0], month, day[1], "*"]
    end = start + 4 * DAY
    found = list(fire_times(f"cron({' '.join(fields)})", start, end, time_zone=zone))
    assert found == list(scan(fields, zone, start, end))


@pytest.mark.parametrize(
    ("expression", "fired"),
    [
        ("cron(0 6 15W * ? 2026)", ["01-15", "02-16", "03-16", "04-15"]),  # 15 February and March are Sundays
        ("cron(0 6 1W 8 ? 2026)", ["08-03"]),  # the 1st is a Saturday, and July is another month
        ("cron(0 6 31W 2-5 ? 2026)", ["03-31", "05-29"]),
        ("cron(0 6 LW 1-5 ? 2026)", ["01-30", "02-27", "03-31", "04-30", "05-29"]),
        ("cron(0 6 L 1-3 ? 2026)", ["01-31", "02-28", "03-31"]),
        ("cron(0 6 ? 1-3 FRIL 2026)", ["01-30", "02-27", "03-27"]),
        ("cron(0 6 ? JAN-JUN 2#5 2026)", ["03-30", "06-29"]),
        ("cron(0 6 1/10 2 ? 2026)", ["02-01", "02-11", "02-21"]),
    ],
)
def test_it_fires_on_the_days_that_are_named(expression: str, fired: list[str]) -> None:
    found = [f"{moment:%m-%d}" for moment in fire_times(expression, utc(2026, 1, 1), utc(2027, 1, 1))]
    assert found[: len(fired)] == fired
    assert len(found) == len(fired) or "15W" in expression


SPRING = {
    "America/New_York": ("30 2", utc(2026, 3, 7), ["03-07 02:30 -0500", "03-09 02:30 -0400"]),
    "Europe/Berlin": ("30 2", utc(2026, 3, 28), ["03-28 02:30 +0100", "03-30 02:30 +0200"]),
    "Australia/Lord_Howe": ("15 2", utc(2026, 10, 2, 12), ["10-03 02:15 +1030", "10-05 02:15 +1100"]),
    "Asia/Tokyo": ("30 2", utc(2026, 3, 7), ["03-08 02:30 +0900", "03-09 02:30 +0900", "03-10 02:30 +0900"]),
}
FALL = {
    "America/New_York": ("30 1", utc(2026, 10, 31), ["10-31 01:30 -0400", "11-01 01:30 -0400", "11-02 01:30 -0500"]),
    "Europe/Berlin": ("30 2", utc(2026, 10, 24), ["10-24 02:30 +0200", "10-25 02:30 +0200", "10-26 02:30 +0100"]),
    "Australia/Lord_Howe": ("45 1", utc(2026, 4, 3), ["04-04 01:45 +1100", "04-05 01:45 +1100", "04-06 01:45 +1030"]),
    "Asia/Tokyo": ("30 1", utc(2026, 10, 31), ["11-01 01:30 +0900", "11-02 01:30 +0900", "11-03 01:30 +0900"]),
}


@pytest.mark.parametrize("zone", SPRING)
def test_a_time_that_a_clock_change_skips_does_not_fire(zone: str) -> None:
    clock, start, fired = SPRING[zone]
    assert local(f"cron({clock} * * ? *)", zone, start, start + 3 * DAY) == fired


@pytest.mark.parametrize("zone", FALL)
def test_a_time_that_comes_twice_fires_once(zone: str) -> None:
    clock, start, fired = FALL[zone]
    assert local(f"cron({clock} * * ? *)", zone, start, start + 3 * DAY) == fired


def test_a_rate_counts_elapsed_time_from_its_start_whatever_the_clock_does() -> None:
    found = local("rate(1 day)", "America/New_York", utc(2026, 3, 7, 12), utc(2026, 3, 10))
    assert found == ["03-07 07:00 -0500", "03-08 08:00 -0400", "03-09 08:00 -0400"]
    start_date = utc(2026, 1, 1, 0, 10)
    found_times = list(fire_times("rate(7 minutes)", utc(2026, 1, 1), utc(2026, 1, 1, 0, 30), start_date=start_date))
    assert found_times == [utc(2026, 1, 1, 0, minute) for minute in (10, 17, 24)]
    created = list(fire_times("rate(2 hours)", utc(2026, 1, 2), utc(2026, 1, 2, 4), created_at=utc(2026, 1, 1, 1)))
    assert created == [utc(2026, 1, 2, 1), utc(2026, 1, 2, 3)]


def test_a_one_time_schedule_fires_once_in_its_zone_and_never_at_a_time_that_does_not_exist() -> None:
    day = utc(2026, 3, 7), utc(2026, 3, 9)
    assert local("at(2026-03-08T09:00:00)", "Asia/Tokyo", *day) == ["03-08 09:00 +0900"]
    assert local("at(2026-03-08T02:30:00)", "America/New_York", *day) == []
    assert local("at(2027-03-08T02:30:00)", "America/New_York", *day) == []
    bounded = fire_times("at(2026-03-08T09:00:00)", *day, end_date=utc(2026, 1, 1))
    assert list(bounded) == [utc(2026, 3, 8, 9)]


def test_it_fires_from_the_start_date_until_before_the_end_date() -> None:
    found = fire_times(
        "cron(0 8 * * ? *)",
        utc(2026, 1, 1),
        utc(2026, 2, 1),
        start_date=utc(2026, 1, 3, 8),
        end_date=utc(2026, 1, 5, 8),
    )
    assert list(found) == [utc(2026, 1, 3, 8), utc(2026, 1, 4, 8)]


@pytest.mark.parametrize(
    ("expression", "zone", "gap"),
    [
        ("rate(6 hours)", "UTC", 6 * HOUR),
        ("at(2026-01-01T00:00:00)", "UTC", None),
        ("cron(0 0 1 1 ? 2030)", "UTC", None),
        ("cron(0 8 * * ? *)", "Asia/Tokyo", DAY),
        ("cron(0 8 * * ? *)", "Europe/Berlin", DAY + HOUR),
        ("cron(30 2 * * ? *)", "America/New_York", 2 * DAY - HOUR),
        ("cron(15 2 * * ? *)", "Australia/Lord_Howe", 2 * DAY - 30 * MINUTE),
        ("cron(* * * * ? *)", "Asia/Tokyo", MINUTE),
        ("cron(0 * * * ? *)", "America/New_York", 2 * HOUR),
        ("cron(0 3 ? * MON *)", "UTC", 7 * DAY),
        ("cron(0 3 L * ? *)", "UTC", 31 * DAY),
        ("cron(0 0 29 2 ? *)", "UTC", 2921 * DAY),  # 2096 to 2104
    ],
)
def test_the_longest_gap_counts_clock_changes_and_leap_years(expression: str, zone: str, gap: timedelta | None) -> None:
    assert longest_gap(expression, time_zone=zone) == gap


@given(minute=field(0, 59), hour=field(0, 23), weekday=weekdays, zone=st.sampled_from(ZONES))
@settings(max_examples=25, deadline=None)
def test_no_gap_is_longer_than_the_longest(minute: str, hour: str, weekday: str, zone: str) -> None:
    expression = f"cron({minute} {hour} ? * {weekday} *)"
    moments = list(fire_times(expression, utc(2026, 3, 1), utc(2026, 6, 1), time_zone=zone))
    gap = longest_gap(expression, time_zone=zone)
    assert gap is not None
    assert all(after - before <= gap for before, after in pairwise(moments))


@pytest.mark.parametrize(
    ("expression", "zone", "sentence"),
    [
        ("cron(0 25 * * ? *)", "UTC", "has hour 25; use 0-23"),
        ("every day", "UTC", "schedule expression 'every day' is none; use cron"),
        ("rate(1 day)", "Mars/Olympus", "time zone 'Mars/Olympus' is not known"),
    ],
)
def test_what_is_wrong_is_said(expression: str, zone: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.split(";")[0].replace("(", r"\(")):
        list(fire_times(expression, utc(2026, 1, 1), utc(2026, 1, 2), time_zone=zone))
    with pytest.raises(ValueError, match="has no time zone; give aware datetimes"):
        fire_times("rate(1 day)", datetime(2026, 1, 1), utc(2026, 1, 2))
