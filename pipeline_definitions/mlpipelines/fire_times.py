"""When an EventBridge Scheduler expression fires: `cron(...)`, `rate(...)` and `at(...)`, in a time zone.

A local time that a clock change skips does not fire; one that comes twice fires the first time only. A rate counts in
elapsed time from its start. Source: EventBridge Scheduler user guide, "Schedule types on EventBridge Scheduler".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from mlpipelines.cron import LAST_YEAR, Cron

_RATE = re.compile(r"rate\(\s*([1-9]\d*)\s+(minute|hour|day)s?\s*\)")
_AT = re.compile(r"at\(\s*(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\s*\)")
_CRON = re.compile(r"cron\((.*)\)")
_DAY = timedelta(days=1)
_SURVEY_FROM_YEAR = 2024
_SURVEY_AT_LEAST = timedelta(days=2 * 366)  # Four clock changes, where there are two a year.
_SURVEY_GAPS = 300


def fire_times(
    expression: str,
    start: datetime,
    end: datetime,
    *,
    time_zone: str = "UTC",
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    created_at: datetime | None = None,
) -> Iterator[datetime]:
    """The moments, in UTC and in order, at which a schedule fires from `start` until before `end`.

    Parameters:
        expression: as EventBridge Scheduler has it, such as `cron(0 8 ? * MON-FRI *)`.
        start, end: with a time zone; `end` itself does not count.
        time_zone: in which cron and at are read, by its IANA name.
        start_date, end_date: the schedule's own bounds. A one-time schedule ignores them, as AWS does.
        created_at: from when a rate without a start date counts; from `start` when not given.

    Raises ValueError if the expression is wrong, the zone unknown, or a time has no time zone.
    """
    given = {"start": start, "end": end, "start_date": start_date, "end_date": end_date, "created_at": created_at}
    if naive := [f"{name} {value}" for name, value in given.items() if value is not None and value.utcoffset() is None]:
        raise ValueError(f"{', '.join(naive)} has no time zone; give aware datetimes")
    zone = _zone(time_zone)
    first, last = (moment.astimezone(UTC) for moment in (start, end))
    if at := _AT.fullmatch(expression):
        moment = _moment(datetime.fromisoformat(at[1]), zone)
        return iter(()) if moment is None or not first <= moment < last else iter((moment,))
    lower = first if start_date is None else max(first, start_date.astimezone(UTC))
    upper = last if end_date is None else min(last, end_date.astimezone(UTC))
    if interval := _interval(expression):
        anchor = start_date or created_at or start
        return _rate_times(interval, anchor.astimezone(UTC), lower, upper)
    return _cron_times(_cron(expression), zone, lower, upper)


@lru_cache(maxsize=64)
def longest_gap(expression: str, *, time_zone: str = "UTC") -> timedelta | None:
    """The longest time between two successive moments at which an expression fires; None if it fires once at most.

    Clock changes count. Two years or more are looked at, and 300 gaps of what fires seldom, from 2024 on.
    """
    zone = _zone(time_zone)
    if _AT.fullmatch(expression):
        return None
    if interval := _interval(expression):
        return interval
    cron = _cron(expression)
    begin = date(min(_SURVEY_FROM_YEAR, max(cron.years)), 1, 1)
    longest = timedelta(0)
    for gap, moment in _gaps(cron, zone, begin):
        longest = max(longest, gap)
        if longest and moment.date() - begin > max(_SURVEY_AT_LEAST, _SURVEY_GAPS * longest):
            break
    return longest or None


def _gaps(cron: Cron, zone: ZoneInfo, begin: date) -> Iterator[tuple[timedelta, datetime]]:
    """The longest gap before a moment of a day, day by day, with the day's last moment."""
    usual_times = cron.times[:: max(1, len(cron.times) - 1)]  # The first and the last: the widest gap is known.
    usual_gap = _widest([datetime.combine(begin, clock) for clock in cron.times])
    before: datetime | None = None
    for day in cron.days(begin, date(LAST_YEAR, 12, 31)):
        midnight = datetime.combine(day, time())
        changes = zone.utcoffset(midnight) != zone.utcoffset(midnight + _DAY)
        moments = list(_moments(cron.times if changes else usual_times, day, zone))
        if not moments:
            continue
        within = _widest(moments) if changes else usual_gap
        yield within if before is None else max(within, moments[0] - before), moments[-1]
        before = moments[-1]


def _widest(moments: Sequence[datetime]) -> timedelta:
    return max((after - before for before, after in pairwise(moments)), default=timedelta(0))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"time zone '{name}' is not known; use a name of the IANA time zone database") from None


def _interval(expression: str) -> timedelta | None:
    rate = _RATE.fullmatch(expression)
    return None if rate is None else timedelta(**{f"{rate[2]}s": int(rate[1])})


@lru_cache(maxsize=64)
def _cron(expression: str) -> Cron:
    found = _CRON.fullmatch(expression)
    if found is None:
        raise ValueError(f"schedule expression '{expression}' is none; use cron(...), rate(...) or at(...)")
    return Cron.parse(found[1].split())


def _rate_times(interval: timedelta, anchor: datetime, lower: datetime, upper: datetime) -> Iterator[datetime]:
    passed = max(0, -((anchor - lower) // interval))  # whole intervals, rounded up
    moment = anchor + passed * interval
    while moment < upper:
        yield moment
        moment += interval


def _cron_times(cron: Cron, zone: ZoneInfo, lower: datetime, upper: datetime) -> Iterator[datetime]:
    for day in cron.days(lower.date() - _DAY, upper.date() + _DAY):
        for moment in _moments(cron.times, day, zone):
            if moment >= upper:
                return
            if moment >= lower:
                yield moment


def _moments(times: Sequence[time], day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments of one day. Since each local time fires once, the order of the clock is the order in UTC."""
    for clock in times:
        moment = _moment(datetime.combine(day, clock), zone)
        if moment is not None:
            yield moment


def _moment(local: datetime, zone: ZoneInfo) -> datetime | None:
    """A local time in UTC: the first of two, None of none."""
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None
