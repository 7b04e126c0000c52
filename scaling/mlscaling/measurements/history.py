"""Counted demand. Standard library only: it runs in a function, too."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from mlscaling.policies.planned import Event

DAY_SECONDS = 86_400


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

        The usual distance of two is the interval.

        Raises `InvalidHistoryError`.
        """
        ordered = sorted((_utc(moment), count) for moment, count in counted)
        if len(ordered) < 2:
            raise InvalidHistoryError(f"the history has {len(ordered)} counts; give at least 2")
        seconds = [(later - earlier).total_seconds() for (earlier, _), (later, _) in pairwise(ordered)]
        interval = round(statistics.median(seconds))
        if interval < 1 or DAY_SECONDS % interval:
            raise InvalidHistoryError(
                f"counts are {interval} seconds apart; use an interval that divides a day, such as 300"
            )
        start = ordered[0][0]
        places = [round((moment - start).total_seconds() / interval) for moment, _ in ordered]
        counts = [math.nan] * (places[-1] + 1)
        for place, (_, count) in zip(places, ordered, strict=True):
            counts[place] = count if math.isnan(counts[place]) else counts[place] + count
        return cls(start=start, interval_seconds=interval, counts=tuple(counts))

    @classmethod
    def read_csv(cls, path: Path) -> History:
        """A file whose first two columns are a time (ISO 8601) and a count, with a header. Raises `InvalidHistoryError`."""
        counted: list[tuple[datetime, float]] = []
        with path.open(newline="", encoding="utf-8") as lines:
            for number, row in enumerate(csv.reader(lines)):
                try:
                    counted.append((datetime.fromisoformat(row[0]), float(row[1])))
                except (ValueError, IndexError):
                    if number:
                        problem = f"line {number + 1} of {path} is {','.join(row)!r}; give a time and a count"
                        raise InvalidHistoryError(f"{problem}, such as 2026-03-01T20:15:00,1840") from None
        return cls.of(counted)

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
