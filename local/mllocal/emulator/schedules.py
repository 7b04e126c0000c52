"""Schedules fire as EventBridge Scheduler's do: in their time zone, through clock changes, from a start to an end date.

ministack keeps the schedules and has the ticker; it reads every expression in UTC and forgets what has fired. Source:
EventBridge Scheduler user guide, "Schedule types", "Managing a schedule".
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.services import scheduler

from mllocal.emulator.deliveries import Delivery, Outbox
from mllocal.emulator.durability import save
from mlpipelines.fire_times import fire_times

TICK_SECONDS = 1
_LATE_SECONDS = 60
"""A recurring start that is later than that was due while the engine, or the machine, slept: it is not made up for."""
_OLDEST_START_SECONDS = 300
_HORIZON = timedelta(days=366 * 12)
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
_FOREVER = datetime(2200, 1, 1, tzinfo=UTC)

Schedule = dict[str, Any]
Key = tuple[str, str, str]
"""Account, region, `group/name`."""


@dataclass
class Schedules:
    """Looks every second at what is due."""

    outbox: Outbox
    _started: float = field(default_factory=time.time)
    _next: dict[Key, tuple[str, float | None]] = field(default_factory=dict)
    """Of each schedule, as it was last changed, when it fires next."""

    def tick(self) -> None:
        """Fire what is due, and deliver what is owed."""
        now = time.time()
        schedules: dict[Key, Schedule] = dict(scheduler._schedules._data)
        fired = [(key, at) for key, schedule in schedules.items() if (at := self._due(key, schedule, now)) is not None]
        if fired:
            self.outbox.owe(
                [_delivery(schedules[key], key, at) for key, at in fired],
                fired=[_version(schedules[key]) for key, _ in fired if _is_one_time(schedules[key])],
                known={_version(schedule) for schedule in schedules.values()},
            )
        self._forget(schedules, now)
        self.outbox.deliver(now)

    def _due(self, key: Key, schedule: Schedule, now: float) -> float | None:
        """The moment at which a schedule has to fire, if it has come."""
        version = _version(schedule)
        if schedule.get("State") != "ENABLED" or version in self.outbox.fired:
            return None
        known, moment = self._next.get(key, ("", None))
        if known != version:
            # One-time schedules are made up for; of the others only what comes from now on, or from their creation, counts.
            since = None if _is_one_time(schedule) else max(self._started, float(schedule["LastModificationDate"]))
            moment = _next_moment(schedule, since)
        if moment is None or moment > now:
            self._next[key] = (version, moment)
            return None
        self._next[key] = (version, None if _is_one_time(schedule) else _next_moment(schedule, moment + 0.001))
        return moment if _is_one_time(schedule) or now - moment <= _LATE_SECONDS else None

    def _forget(self, schedules: dict[Key, Schedule], now: float) -> None:
        """Delete what has completed and is to be deleted then."""
        completed = [
            key
            for key, schedule in schedules.items()
            if schedule.get("ActionAfterCompletion") == "DELETE" and self._has_completed(schedule, now)
        ]
        for key in completed:
            scheduler._schedules._data.pop(key, None)
        for gone in self._next.keys() - schedules.keys():
            del self._next[gone]
        if completed:
            save(("scheduler",))

    def _has_completed(self, schedule: Schedule, now: float) -> bool:
        if _is_one_time(schedule):
            return _version(schedule) in self.outbox.fired
        end = scheduler._to_epoch(schedule.get("EndDate"))
        return end is not None and end < now


def register_schedules(schedules: Schedules, *others: Callable[[], None]) -> None:
    """Have ministack's ticker, which starts when the state is there, look every second; `others` are looked after, too."""

    def tick() -> None:
        for action in (*others, schedules.tick):
            action()

    scheduler._SCHEDULE_TICK_INTERVAL = TICK_SECONDS
    scheduler._tick_schedules = tick
    for name in ("_create_schedule", "_update_schedule"):
        setattr(scheduler, name, _checked(getattr(scheduler, name)))


def _checked(change: Callable[[str, Schedule], Any]) -> Callable[[str, Schedule], Any]:
    """ministack takes any text for an expression, which would never fire, and any date to start from."""

    def checked(name: str, body: Schedule) -> Any:
        try:
            next(_moments({**body, "CreationDate": 0}, _ALWAYS), None)
        except ValueError as error:
            return scheduler._error(400, "ValidationException", f"Invalid schedule: {error}")
        start = scheduler._to_epoch(body.get("StartDate"))
        if start is not None and start < time.time() - _OLDEST_START_SECONDS:
            return scheduler._error(
                400, "ValidationException", "The StartDate you specify cannot be earlier than 5 minutes ago."
            )
        return change(name, body)

    return checked


def _next_moment(schedule: Schedule, since: float | None) -> float | None:
    begin = _ALWAYS if since is None else datetime.fromtimestamp(since, UTC)
    moment = next(_moments(schedule, begin), None)
    return None if moment is None else moment.timestamp()


def _moments(schedule: Schedule, since: datetime) -> Iterator[datetime]:
    end = _FOREVER if since == _ALWAYS else since + _HORIZON
    return fire_times(
        schedule.get("ScheduleExpression", ""),
        since,
        end,
        time_zone=schedule.get("ScheduleExpressionTimezone") or "UTC",
        start_date=_moment(schedule.get("StartDate")),
        end_date=_moment(schedule.get("EndDate")),
        created_at=_moment(schedule["CreationDate"]),
    )


def _moment(value: object) -> datetime | None:
    epoch = scheduler._to_epoch(value)
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC)


def _is_one_time(schedule: Schedule) -> bool:
    return str(schedule.get("ScheduleExpression", "")).startswith("at(")


def _version(schedule: Schedule) -> str:
    """A schedule that is changed, or made again under its name, fires again."""
    return f"{schedule['Arn']} {schedule['LastModificationDate']}"


def _delivery(schedule: Schedule, key: Key, at: float) -> Delivery:
    window = schedule.get("FlexibleTimeWindow") or {}
    minutes = window.get("MaximumWindowInMinutes", 0) if window.get("Mode") == "FLEXIBLE" else 0
    account, region, _ = key
    return Delivery(
        account=account,
        region=region,
        schedule_arn=schedule["Arn"],
        target=schedule["Target"],
        scheduled_at=at,
        due_at=at + random.uniform(0, 60 * minutes),  # noqa: S311 it only spreads starts
    )
