"""Counted demand. Standard library only: it runs in a function, too."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from mlscaling.measurements.csv_rows import InvalidCsvError, few_of, read_rows
from mlscaling.policies.planned import Event

DAY_SECONDS = 86_400
LONGEST_GAP_DAYS = 63
"""Nobody plays or asks for counts that are older: CloudWatch keeps them for as long (user guide, "Metrics retention")."""

_MOST = 2**53
_FIX = f"give a time and a count of 0 to {_MOST:.0e}"


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

        The usual distance of two is the interval. A count that is not a number is as if nobody had counted then.

        Raises `InvalidHistoryError`, also for a gap of more than `LONGEST_GAP_DAYS`.
        """
        if problems := [
            f"the count of {moment.isoformat()} is {count}" for moment, count in counted if not _may_be(count)
        ]:
            raise InvalidHistoryError(f"{few_of(problems)}; {_FIX}")
        ordered = sorted((_utc(moment), count) for moment, count in counted)
        if len(ordered) < 2:
            raise InvalidHistoryError(f"the history has {len(ordered)} counts; give at least 2")
        seconds = [(later - earlier).total_seconds() for (earlier, _), (later, _) in pairwise(ordered)]
        interval = round(statistics.median(seconds))
        if interval < 1 or DAY_SECONDS % interval:
            raise InvalidHistoryError(
                f"counts are {interval} seconds apart; use an interval that divides a day, such as 300"
            )
        known = [(moment, count) for moment, count in ordered if not math.isnan(count)]
        if not known:
            raise InvalidHistoryError(f"none of the {len(ordered)} counts is a number; {_FIX}")
        _refuse_gaps([moment for moment, _ in known])
        start = known[0][0]
        places = [round((moment - start).total_seconds() / interval) for moment, _ in known]
        counts = [math.nan] * (places[-1] + 1)
        for place, (_, count) in zip(places, known, strict=True):
            counts[place] = count if math.isnan(counts[place]) else counts[place] + count
        return cls(start=start, interval_seconds=interval, counts=tuple(counts))

    @classmethod
    def read_csv(cls, path: Path) -> History:
        """A file whose first two columns are a time (ISO 8601) and a count, with a header or without.

        Raises `InvalidHistoryError` with the lines that are something else; `OSError` if it cannot be read at all.
        """
        try:
            rows = list(read_rows(path))
            header = bool(rows) and _is_header(rows[0][1])
            read = [(number, row, _counted(row)) for number, row in rows[header:]]
            if problems := [f"line {number} is {','.join(row)!r}" for number, row, one in read if one is None]:
                raise InvalidHistoryError(f"{few_of(problems)}; {_FIX}, such as 2026-03-01T20:15:00,1840")
            return cls.of([one for _, _, one in read if one is not None])
        except (InvalidCsvError, InvalidHistoryError) as error:
            raise InvalidHistoryError(f"{path}: {error}") from None

    def last(self, intervals: int) -> History:
        """Its last ones, or all of them if it has no more."""
        before = max(0, len(self.counts) - intervals)
        start = self.start + timedelta(seconds=before * self.interval_seconds)
        return History(start=start, interval_seconds=self.interval_seconds, counts=self.counts[before:])

    def place(self, moment: datetime) -> int:
        """Of the interval that a moment is in."""
        return math.floor((moment - self.start).total_seconds() / self.interval_seconds)

    def until(self, moment: datetime) -> History:
        """What was known then."""
        whole = max(0, self.place(moment))
        return History(start=self.start, interval_seconds=self.interval_seconds, counts=self.counts[:whole])

    def without(self, calendar: tuple[Event, ...]) -> History:
        """As if nobody had counted while an event was on: what was announced says nothing of the usual demand."""
        return self._without(tuple((self.place(event.begins), self.place(event.ends) + 1) for event in calendar))

    @lru_cache(maxsize=256)  # noqa: B019 - few histories, and each is asked for the same places again and again.
    def _without(self, places: tuple[tuple[int, int], ...]) -> History:
        counts = list(self.counts)
        for begin, end in places:
            inside = slice(max(0, begin), max(0, end))
            counts[inside] = [math.nan] * len(counts[inside])
        return History(start=self.start, interval_seconds=self.interval_seconds, counts=tuple(counts))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _may_be(count: float) -> bool:
    """Above `_MOST`, numbers of 64 bits no longer count one by one."""
    return math.isnan(count) or 0 <= count <= _MOST


def _counted(row: list[str]) -> tuple[datetime, float] | None:
    """None for what is no time and count."""
    try:
        moment, count = _utc(datetime.fromisoformat(row[0])), float(row[1])
    except (ValueError, IndexError, OverflowError):
        return None
    return (moment, count) if _may_be(count) else None


def _is_header(row: list[str]) -> bool:
    """Neither a time nor a count."""
    parsers: tuple[Callable[[str], object], ...] = (datetime.fromisoformat, float)
    for parse, cell in zip(parsers, row, strict=False):
        with suppress(ValueError):
            parse(cell)
            return False
    return True


def _refuse_gaps(moments: Sequence[datetime]) -> None:
    gaps = [(later - earlier, earlier, later) for earlier, later in pairwise(moments)]
    longest, earlier, later = max(gaps, default=(timedelta(0), moments[0], moments[0]))
    if longest > timedelta(days=LONGEST_GAP_DAYS):
        problem = f"nobody counted from {earlier.isoformat()} to {later.isoformat()}, which is {longest.days} days"
        raise InvalidHistoryError(f"{problem}; correct these times, or leave out what is not of the days to look at")
