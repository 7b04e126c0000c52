"""Looks of the function that watches, planned for a moment: one-time schedules, one for each execution, which delete themselves."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .settings import NextLook


def look_again(scheduler: Any, look: NextLook, moments: Mapping[str, datetime]) -> None:
    """Plan a look at each of these executions, in the place of one that was planned before."""
    for execution_arn, at in moments.items():
        _plan(scheduler, look, execution_arn.rpartition("/")[2], at)


def _plan(scheduler: Any, look: NextLook, name: str, at: datetime) -> None:
    due = at.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    request: dict[str, Any] = {
        "GroupName": look.group_name,
        "Name": name,
        "ScheduleExpression": f"at({due:%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": look.function_arn, "RoleArn": look.role_arn, "Input": "{}"},
        "KmsKeyArn": look.key_arn,
    }
    try:
        scheduler.create_schedule(**request)
    except scheduler.exceptions.ConflictException:
        scheduler.update_schedule(**request)
