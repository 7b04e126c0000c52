"""The moments of a backfill: which ones a schedule had, how each one stands, which ones are to be run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mlp.errors import CliError, ExitCode, bad_input
from mlpipelines.fire_times import fire_times

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_WRITTEN = "write 2026-11-24, or 2026-11-24T06:00 in the time zone of the schedule"


class Standing(Enum):
    """How the run for a moment stands."""

    PUBLISHED = "published"
    CHANGED = "changed"
    MISSING = "missing"
    FAILED = "failed"
    WAITING = "waiting"
    RUNNING = "running"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a pipeline starts, as EventBridge Scheduler has it."""

    expression: str
    time_zone: str
    start_date: datetime | None
    end_date: datetime | None
    created_at: datetime

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A moment of the schedule, and how its run stands."""

    scheduled_at: datetime
    standing: Standing
    note: str = ""

    @property
    def run_id(self) -> str:
        return run_id_of(self.scheduled_at)

    def document(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "run_id": self.run_id,
            "scheduled_at": self.scheduled_at,
            "status": self.standing.value,
            **({"note": self.note} if self.note else {}),
        }

    def start(self) -> dict[str, object]:
        """What the controller is told. A run that has published is run again only if that is said."""
        again = self.standing in (Standing.PUBLISHED, Standing.CHANGED)
        return {"scheduled_at": self.scheduled_at.isoformat(), "because": "backfill", "again": again}


def run_id_of(moment: datetime) -> str:
    """The id of the run for a moment, as the controller makes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"


def scheduled_moments(schedule: Schedule, first: str, last: str, *, now: datetime) -> list[datetime]:
    """The moments from one day or time to another, both included, that have passed.

    The schedule's start date does not count: what was before it is what a backfill is for. Raises CliError.
    """
    problems = []
    begin, end = (_moment(text, schedule.zone, at_end=at_end) for text, at_end in ((first, False), (last, True)))
    problems += [
        f"{name} is '{text}'" for name, text, found in (("--from", first, begin), ("--to", last, end)) if found is None
    ]
    if begin is None or end is None:
        raise bad_input(problems, fix=_WRITTEN)
    if begin >= end:
        raise bad_input([f"--from {first} is not before --to {last}"], fix="give the earlier one first")
    rate_start = schedule.start_date or schedule.created_at
    return list(
        fire_times(
            schedule.expression,
            begin,
            min(end, now),
            time_zone=schedule.time_zone,
            created_at=_anchor(rate_start, begin, schedule.expression),
        )
    )


def _anchor(rate_start: datetime, begin: datetime, expression: str) -> datetime:
    """A rate's moments before its start are those that it would have had: whole intervals earlier."""
    if rate_start <= begin:
        return rate_start
    moments = fire_times(expression, rate_start, rate_start + timedelta(days=800), created_at=rate_start)
    first, second = next(moments, None), next(moments, None)
    if not expression.startswith("rate(") or first is None or second is None:
        return rate_start
    return rate_start - (second - first) * ((rate_start - begin) // (second - first))


def _moment(text: str, zone: ZoneInfo, *, at_end: bool) -> datetime | None:
    """A day, which is meant from its beginning or to its end, or a time; None if it is neither."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return moment + timedelta(microseconds=1) if at_end else moment
    return datetime.combine(day + timedelta(days=1) if at_end else day, time(), zone)


def standings(
    moments: Sequence[datetime], *, published: Collection[str], changed: Mapping[str, str], state: Mapping[str, Any]
) -> list[Moment]:
    """How the run for each moment stands. `changed` has a note for each published run whose input is another now."""
    queued = {run["run_id"] for run in state.get("queue", ())}
    ended = {run["run_id"]: run for run in state.get("recent", ())}
    found = []
    for moment in moments:
        run_id, note = run_id_of(moment), ""
        if run_id in state.get("active", {}):
            standing = Standing.RUNNING
        elif run_id in queued:
            standing = Standing.WAITING
        elif run_id in published:
            standing, note = (Standing.CHANGED, changed[run_id]) if run_id in changed else (Standing.PUBLISHED, "")
        elif ended.get(run_id, {}).get("status") in ("failed", "stopped"):
            standing, note = Standing.FAILED, ended[run_id].get("reason") or ended[run_id]["status"]
        else:
            standing = Standing.MISSING
        found.append(Moment(scheduled_at=moment, standing=standing, note=note))
    return found


def to_start(moments: Sequence[Moment], *, again: bool) -> list[Moment]:
    """The moments whose runs are to be started: what is missing, failed or changed; with `again`, what is good, too."""
    wanted = {Standing.MISSING, Standing.FAILED, Standing.CHANGED, *({Standing.PUBLISHED} if again else ())}
    return [moment for moment in moments if moment.standing in wanted]


def no_moments(schedule: Schedule, first: str, last: str) -> CliError:
    """What to say when the schedule did not fire at all."""
    cause = f"the schedule {schedule.expression} ({schedule.time_zone}) has no moment from {first} to {last} that has passed"
    return CliError(cause, fix="give a wider span of days", exit_code=ExitCode.NOT_FOUND)
