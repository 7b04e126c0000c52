"""Scheduled actions: when they are due, by the wall clock.

Source: Application Auto Scaling user guide, "Scheduled scaling", "Schedule recurring scaling actions using cron expressions".
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from mllocal.errors import validation
from mllocal.sagemaker.store import Document
from mlpipelines.fire_times import fire_times

_HORIZON = timedelta(days=366 * 12)


def check_schedule(action: Document) -> None:
    """Raises `ApiError` for an action without a schedule, with one that cannot be, or one that changes nothing."""
    if "Schedule" not in action:
        raise validation("Schedule is missing; write at(...), cron(...) or rate(...)")
    if not action.get("ScalableTargetAction"):
        raise validation("ScalableTargetAction is missing; give MinCapacity, MaxCapacity or both")
    try:
        next(_moments(action, datetime.now(UTC)), None)
    except ValueError as error:
        raise validation(f"Invalid schedule: {error}") from None


def is_one_time(action: Document) -> bool:
    """Whether it is over once it has fired."""
    schedule: str = action["Schedule"]
    return schedule.startswith("at(")


def is_over(action: Document) -> bool:
    """Whether it will not fire any more. AWS documents no refusal of one that is put when its time has passed."""
    return due_at(action) is None


def due_at(action: Document) -> float | None:
    """The first moment at which it fires since it was changed or fired last; None if there is none."""
    changed, fired = float(action["ChangedAt"]), float(action.get("FiredAt", 0))
    since = datetime.fromtimestamp(max(changed, fired) + 0.001, UTC)
    moment = next(_moments(action, since), None)
    return None if moment is None else moment.timestamp()


def _moments(action: Document, since: datetime) -> Iterator[datetime]:
    return fire_times(
        action["Schedule"],
        since,
        max(since, datetime.now(UTC)) + _HORIZON,
        time_zone=action.get("Timezone") or "UTC",
        start_date=_moment(action.get("StartTime")),
        end_date=_moment(action.get("EndTime")),
        created_at=_moment(action["CreationTime"]),
    )


def _moment(value: float | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value, UTC)
