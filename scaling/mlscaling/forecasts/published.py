"""A forecast that a pipeline has published, and where it is found. Standard library only; the client is given by who asks."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from mlscaling.measurements.csv_rows import InvalidCsvError, few_of, read_named_rows
from mlscaling.policies.planned import PublishedForecast
from mlscaling.policies.scaling import Scaling

MOST_BYTES = 16 << 20
"""Of JSON lines that are read: a year by five minutes is about 7 MiB."""

NAMESPACE, FALLBACKS, DIMENSION = "MLPlatform/Scaling", "ForecastFallbacks", "Target"
"""Of the metric that counts calls in which the quantile was used somewhere; the dimension's value is the id of what is scaled."""

Row = tuple[datetime, float]
_COLUMNS = ("published_at", "time", "requests")


class InvalidForecastError(ValueError):
    """A published forecast that cannot be used; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Published:
    """What was published at one time: requests expected in the intervals that begin at `times`, which ascend."""

    published_at: datetime
    interval: timedelta
    times: tuple[datetime, ...]
    requests: tuple[float, ...]

    @classmethod
    def of(cls, published_at: datetime, rows: Iterable[Row], wanted: PublishedForecast) -> Published:
        """Rows of a time, in UTC if it has no offset, and a count, in any order.

        Raises `InvalidForecastError`: with one bad row, none counts.
        """
        interval = timedelta(minutes=wanted.interval_minutes)
        ordered = sorted((_utc(moment), requests) for moment, requests in rows)
        if problems := list(_problems(ordered, interval)):
            raise InvalidForecastError(f"the forecast published at {published_at.isoformat()}: {'; '.join(problems)}")
        return cls(
            published_at=_utc(published_at),
            interval=interval,
            times=tuple(moment for moment, _ in ordered),
            requests=tuple(requests for _, requests in ordered),
        )

    def is_usable(self, wanted: PublishedForecast, asked_at: datetime) -> bool:
        """Whether it was known at a time, and not too old by then."""
        return timedelta(0) <= asked_at - self.published_at <= timedelta(hours=wanted.oldest_hours)

    def rates(self, wanted: PublishedForecast, first: datetime, minutes: int) -> list[float | None]:
        """Requests per second in each minute from `first`, when they are asked for, on; None where it says nothing."""
        if not self.is_usable(wanted, first):
            return [None] * minutes
        return [self._rate(first + timedelta(minutes=minute)) for minute in range(minutes)]

    def _rate(self, moment: datetime) -> float | None:
        place = bisect_right(self.times, moment) - 1
        covers = place >= 0 and moment - self.times[place] < self.interval
        return self.requests[place] / self.interval.total_seconds() if covers else None

    def problem(self, wanted: PublishedForecast, first: datetime, minutes: int) -> str | None:
        """Why the quantile is used for some of these minutes; None if it is for none."""
        said = f"the newest forecast was published at {self.published_at.isoformat()}"
        if not self.is_usable(wanted, first):
            since = f"not within {wanted.oldest_hours:g} hours before {first.isoformat()}"
            return f"{said}, which is {since}; see why none came after it"
        missing = [minute for minute, rate in enumerate(self.rates(wanted, first, minutes)) if rate is None]
        if not missing:
            return None
        moment = first + timedelta(minutes=missing[0])
        fix = f"publish one for each {wanted.interval_minutes:g} minutes of the hours until the next is published, and three more"
        return f"{said} and has no row for {moment.isoformat()}; {fix}"


def _problems(ordered: Sequence[Row], interval: timedelta) -> Iterator[str]:
    if not ordered:
        yield "there are no rows; publish some"
    for moment, requests in ordered:
        if not 0 <= requests < math.inf:
            yield f"the requests of {moment.isoformat()} are {requests}; publish a number that is 0 or more"
            break
    for (earlier, _), (later, _) in pairwise(ordered):
        if later - earlier < interval:
            minutes = f"{interval.total_seconds() / 60:g} minutes"
            yield (
                f"the rows of {earlier.isoformat()} and {later.isoformat()} are not {minutes} apart; publish one row for each "
                "interval, or correct interval_minutes"
            )
            break


def newest(forecasts: Iterable[Published], moment: datetime) -> Published | None:
    """What was known then."""
    known = (one for one in forecasts if one.published_at <= moment)
    return max(known, key=lambda one: one.published_at, default=None)


def read_forecasts(path: Path, scaling: Scaling) -> tuple[Published, ...]:
    """All that was published, for a replay: a CSV file with the columns published_at, time and requests, in UTC without an offset.

    Raises `InvalidForecastError`, also for a policy that asks for no published forecast; `OSError` if it cannot be read at all.
    """
    wanted = None if scaling.floor is None else scaling.floor.published
    if wanted is None:
        raise InvalidForecastError(
            f"the policy uses no published forecast; leave {path} out, or give its floor published=PublishedForecast(...)"
        )
    by_time: defaultdict[datetime, list[Row]] = defaultdict(list)
    problems = []
    try:
        for number, row in read_named_rows(path, _COLUMNS):
            try:
                moment, expected = _utc(datetime.fromisoformat(row["time"])), float(row["requests"])
                by_time[_utc(datetime.fromisoformat(row["published_at"]))].append((moment, expected))
            except (OverflowError, ValueError):
                problems.append(f"line {number} is {','.join(row.values())!r}")
    except InvalidCsvError as error:
        problems = [str(error)]
    if problems or not by_time:
        problem = few_of(problems) or "there are no rows"
        raise InvalidForecastError(f"{path}: {problem}; give the columns {','.join(_COLUMNS)}")
    return tuple(Published.of(moment, rows, wanted) for moment, rows in sorted(by_time.items()))


def read_published(s3: Any, root_uri: str, wanted: PublishedForecast) -> Published:
    """The newest output of a batch inference that publishes JSON lines.

    Args:
        s3: a boto3 client.
        root_uri: where its `latest.json` is, without a slash at the end.

    Raises `InvalidForecastError` when nothing is there, or something else than batch inference publishes.
    """
    try:
        latest = json.loads(_read(s3, f"{root_uri}/latest.json"))
        manifest = json.loads(_read(s3, latest["manifest_uri"]))
        rows = list(_rows(s3, manifest["output"], wanted))
        return Published.of(datetime.fromisoformat(manifest["published_at"]), rows, wanted)
    except InvalidForecastError:
        raise
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise InvalidForecastError(
            f"what {root_uri}/latest.json leads to is not a forecast ({error!r}); see what its pipeline publishes"
        ) from error


def _rows(s3: Any, output: Mapping[str, Any], wanted: PublishedForecast) -> Iterator[Row]:
    if without := [file["path"] for file in output["files"] if "json_lines" not in file]:
        raise InvalidForecastError(
            f"{output['uri']}{without[0]} has no JSON lines beside it; give the pipeline scoring=Scoring(json_lines=True)"
        )
    size = sum(file["json_lines"]["bytes"] for file in output["files"])
    if size > MOST_BYTES:
        raise InvalidForecastError(
            f"{output['uri']} has {size} bytes of JSON lines, and {MOST_BYTES} are read; publish fewer rows"
        )
    for file in output["files"]:
        lines = _read(s3, f"{output['uri']}{file['json_lines']['path']}").splitlines()
        if len(lines) != file["rows"]:
            raise InvalidForecastError(f"{file['json_lines']['path']} has {len(lines)} rows, not {file['rows']}")
        yield from (_row(json.loads(line), wanted) for line in lines)


def _row(row: Mapping[str, Any], wanted: PublishedForecast) -> Row:
    moment, requests = row[wanted.time], row[wanted.requests]
    if isinstance(requests, bool) or not isinstance(requests, int | float):
        raise InvalidForecastError(f"'{wanted.requests}' of the row of {moment} is {requests!r}; publish a number")
    return datetime.fromisoformat(moment), float(requests)


def _read(s3: Any, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey as error:
        raise InvalidForecastError(f"{uri} is not there; see whether its pipeline has published") from error
    return body


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
