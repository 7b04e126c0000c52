"""Looks of a function that nothing else would call at that moment: one-time schedules, which delete themselves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class NextLook:
    """With what a function's looks are planned."""

    group_name: str
    role_arn: str
    key_arn: str | None = None


def plan_look(
    scheduler: Any, look: NextLook, name: str, at: datetime, *, function_arn: str, event: Mapping[str, Any]
) -> None:
    """Call the function with the event at this moment, in the place of the look of this name that was planned before."""
    due = at.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    request: dict[str, Any] = {
        "GroupName": look.group_name,
        "Name": name,
        "ScheduleExpression": f"at({due:%Y-%m-%dT%H:%M:%S})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": function_arn, "RoleArn": look.role_arn, "Input": json.dumps(event)},
        **({} if look.key_arn is None else {"KmsKeyArn": look.key_arn}),
    }
    try:
        scheduler.create_schedule(**request)
    except scheduler.exceptions.ConflictException:
        scheduler.update_schedule(**request)
