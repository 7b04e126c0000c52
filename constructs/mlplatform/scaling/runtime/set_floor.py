"""Lambda that lets the minimum of an endpoint follow the forecast: each hour it puts scheduled actions for the next three.

Event, from the schedule: what is scaled, whose invocations are forecast, and the policy; see `Asked`.

The minimum is never below that of the policy and its calendar, and never above its maximum. The last action, which is put before all
others, takes every floor back: it happens though this function is never called again, or dies after any of its calls. A call that
is repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from mlrecords.codec import from_json
from mlscaling import History, Scaling, floor_plan
from mlscaling.invocations import INTERVAL_SECONDS, read_invocations, whole_interval

HOLDS_MINUTES = 180
"""How long a floor lasts without another call: two that are missed do no harm."""
AHEAD_MINUTES = 2
"""What calls may take until the first action, so that none is asked for in the past."""
OURS = "floor-"
EXPIRES = f"{OURS}expires"

Action = tuple[str, int]
"""When, and the minimum then."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the schedule sends."""

    resource_id: str
    dimension: str
    metric_dimensions: Mapping[str, str]
    scaling: Scaling


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
    """Plan the next hours. Answers how many actions there are, and what changed."""
    asked = from_json(Asked, event, "event")
    now = datetime.now(UTC)
    history = demand(boto3.client("cloudwatch"), asked, now)
    return set_floor(boto3.client("application-autoscaling"), asked, history, now)


def demand(cloudwatch: Any, asked: Asked, now: datetime) -> History | None:
    """As many days as the forecast looks at. The last five minutes are left out: they may not be counted yet."""
    end = whole_interval(now) - timedelta(seconds=INTERVAL_SECONDS)
    days = 0 if asked.scaling.floor is None else asked.scaling.floor.days_seen
    return read_invocations(cloudwatch, asked.metric_dimensions, end - timedelta(days=days), end)


def set_floor(autoscaling: Any, asked: Asked, history: History | None, now: datetime) -> dict[str, int]:
    """Put what is missing, then delete what is left of earlier plans: what expires first, so that nothing outlasts it."""
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": asked.resource_id,
        "ScalableDimension": asked.dimension,
    }
    wanted = actions(asked.scaling, history, now)
    there = existing(autoscaling, target)
    missing = [name for name, action in wanted.items() if there.get(name) != action]
    left = sorted(there.keys() - wanted.keys())
    for name in missing:
        schedule, minimum = wanted[name]
        autoscaling.put_scheduled_action(
            **target,
            ScheduledActionName=name,
            Schedule=schedule,
            Timezone="UTC",
            ScalableTargetAction={"MinCapacity": minimum},
        )
    for name in left:
        delete(autoscaling, target, name)
    return {"actions": len(wanted), "put": len(missing), "deleted": len(left)}


def actions(scaling: Scaling, history: History | None, now: datetime) -> dict[str, Action]:
    """By name: what expires first, then the changes. They begin at whole five minutes, so that a call that is repeated asks the same."""
    start = whole_interval(now + timedelta(minutes=AHEAD_MINUTES, seconds=INTERVAL_SECONDS))
    plan = floor_plan(scaling, history, start, HOLDS_MINUTES)
    changes = {f"{OURS}{moment:%Y%m%dT%H%MZ}": _action(moment, minimum) for moment, minimum in plan.changes}
    return {EXPIRES: _action(*plan.expires), **changes}


def _action(moment: datetime, minimum: int) -> Action:
    return f"at({moment:%Y-%m-%dT%H:%M:%S})", minimum


def existing(autoscaling: Any, target: Mapping[str, str]) -> dict[str, Action]:
    """The actions of this function that have not been deleted; those of the calendar are CloudFormation's."""
    pages = autoscaling.get_paginator("describe_scheduled_actions").paginate(**target)
    return {
        one["ScheduledActionName"]: (one["Schedule"], one["ScalableTargetAction"]["MinCapacity"])
        for page in pages
        for one in page["ScheduledActions"]
        if one["ScheduledActionName"].startswith(OURS)
    }


def delete(autoscaling: Any, target: Mapping[str, str], name: str) -> None:
    """One that is gone by now is as good as deleted."""
    try:
        autoscaling.delete_scheduled_action(**target, ScheduledActionName=name)
    except autoscaling.exceptions.ObjectNotFoundException:
        return
