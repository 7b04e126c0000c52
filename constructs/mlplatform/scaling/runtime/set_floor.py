"""Lambda that lets the minimum of an endpoint follow the forecast: at each call it puts scheduled actions for the next three hours.

Event, from the schedule: what is scaled, whose invocations are forecast, and the policy; see `Asked`.

The minimum is never below that of the policy and its calendar, and never above its maximum. The last action, which is put before all
others, takes every floor back: it happens though this function is never called again, or dies after any of its calls. A call that
is repeated changes nothing.

Where a pipeline publishes the forecast and that cannot be used, the quantile of the past is, and a metric says so.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from mlrecords.codec import from_json
from mlscaling import (
    ForecastFloor,
    History,
    InvalidForecastError,
    Published,
    PublishedForecast,
    Scaling,
    floor_plan,
)
from mlscaling.forecasts.floors import published_problem
from mlscaling.forecasts.published import DIMENSION, FALLBACKS, NAMESPACE, read_published
from mlscaling.measurements.invocations import INTERVAL_SECONDS, read_invocations, whole_interval

HOLDS_MINUTES = 180
"""How long a floor lasts without another call: two that are missed do no harm."""
AHEAD_MINUTES = 2
"""What calls may take until the first action, so that none is asked for in the past. Plans begin at whole five minutes after it, so that
a call that is repeated asks the same."""
OURS = "floor-"
EXPIRES = f"{OURS}expires"
_LOG = logging.getLogger(__name__)

Action = tuple[str, int]
"""When, and the minimum then."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the schedule sends. `forecast_uri` is where the pipeline of a published forecast has its `latest.json`."""

    resource_id: str
    dimension: str
    metric_dimensions: Mapping[str, str]
    scaling: Scaling
    forecast_uri: str | None = None


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
    """Plan the next hours. Answers how many actions there are, and what changed."""
    asked = from_json(Asked, event, "event")
    now = datetime.now(UTC)
    cloudwatch = boto3.client("cloudwatch")
    history = demand(cloudwatch, asked, now)
    autoscaling, floor = boto3.client("application-autoscaling"), asked.scaling.floor
    if floor is None or floor.published is None or asked.forecast_uri is None:
        return set_floor(autoscaling, asked, history, now)
    published, problem = published_forecast(boto3.client("s3"), asked.forecast_uri, floor, floor.published, now)
    answer = set_floor(autoscaling, asked, history, now, published)
    tell(cloudwatch, asked, problem, now)
    return answer


def published_forecast(
    s3: Any, uri: str, floor: ForecastFloor, wanted: PublishedForecast, now: datetime
) -> tuple[Published | None, str | None]:
    """The newest forecast, if it can be had; and why the quantile is used for some of the next hours, if it is."""
    try:
        published = read_published(s3, uri, wanted)
    except (InvalidForecastError, BotoCoreError, ClientError) as error:
        return None, str(error)
    return published, published_problem(floor, published, begin(now), HOLDS_MINUTES)


def tell(cloudwatch: Any, asked: Asked, problem: str | None, now: datetime) -> None:
    """Whether the quantile had to do, for the alarm, and in the log why."""
    if problem is not None:
        _LOG.warning("the quantile is used, since %s", problem)
    dimensions = [{"Name": DIMENSION, "Value": asked.resource_id}]
    datum = {"MetricName": FALLBACKS, "Dimensions": dimensions, "Timestamp": now, "Value": float(problem is not None)}
    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[datum])


def demand(cloudwatch: Any, asked: Asked, now: datetime) -> History | None:
    """As many days as are looked at. The last five minutes are left out: they may not be counted yet."""
    end = whole_interval(now) - timedelta(seconds=INTERVAL_SECONDS)
    days = max(one.days_seen for one in asked.scaling.forecast)
    return read_invocations(cloudwatch, asked.metric_dimensions, end - timedelta(days=days), end)


def set_floor(
    autoscaling: Any, asked: Asked, history: History | None, now: datetime, published: Published | None = None
) -> dict[str, int]:
    """Put what is missing, what expires first, so that nothing outlasts it; then delete what is left of earlier plans.

    What an earlier plan has for the minutes until this one begins stays.
    """
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": asked.resource_id,
        "ScalableDimension": asked.dimension,
    }
    start = begin(now)
    wanted = actions(asked.scaling, history, start, published)
    there = existing(autoscaling, target)
    missing = [name for name, action in wanted.items() if there.get(name) != action]
    left = sorted(name for name in there.keys() - wanted.keys() if not at(now) < there[name][0] < at(start))
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


def begin(now: datetime) -> datetime:
    """When the plan of a call begins."""
    return whole_interval(now + timedelta(minutes=AHEAD_MINUTES, seconds=INTERVAL_SECONDS))


def actions(
    scaling: Scaling, history: History | None, start: datetime, published: Published | None
) -> dict[str, Action]:
    """By name: what expires first, then the changes from `start` on."""
    plan = floor_plan(scaling, history, start, HOLDS_MINUTES, published)
    changes = {f"{OURS}{moment:%Y%m%dT%H%MZ}": (at(moment), minimum) for moment, minimum in plan.changes}
    ends, minimum = plan.expires
    return {EXPIRES: (at(ends), minimum), **changes}


def at(moment: datetime) -> str:
    """A one-time schedule in UTC; of two, the later one is the larger text."""
    return f"at({moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S})"


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
