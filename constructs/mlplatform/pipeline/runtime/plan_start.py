"""Lambda that turns events into at most one start of a pipeline for each cool-down: it plans the start, and a one-time schedule makes it.

Event: `settle_minutes`, how long the events have to settle before the pipeline may start.
Environment: `PIPELINE_NAME`, `COOL_DOWN_MINUTES`, and `SCHEDULE`: what EventBridge Scheduler is asked for, as JSON, but for the time.

The schedule has one name, so any number of events, in any order and as often as they come, plan one start. It deletes itself when it has
fired. Events during a cool-down are not lost: they plan the start for its end. Events while it fires, of which nobody knows whether the
start still sees them, fail, and Lambda brings them again one and three minutes later.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

NEVER = datetime.min.replace(tzinfo=UTC)


class FiringError(Exception):
    """The schedule is firing just now; the event has to come again."""


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Plan a start. Answers when it will be."""
    now = datetime.now(UTC)
    at = not_before(
        settled=now + timedelta(minutes=event["settle_minutes"]),
        last=last_start(boto3.client("sagemaker"), os.environ["PIPELINE_NAME"]),
        cool_down=timedelta(minutes=int(os.environ["COOL_DOWN_MINUTES"])),
    )
    planned = plan(boto3.client("scheduler"), json.loads(os.environ["SCHEDULE"]), at, now)
    return {"starts_at": planned.isoformat()}


def last_start(sagemaker: Any, pipeline_name: str) -> datetime:
    """When the pipeline was last started, by whatever means."""
    newest = sagemaker.list_pipeline_executions(
        PipelineName=pipeline_name, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["PipelineExecutionSummaries"]
    started: datetime = newest[0]["StartTime"] if newest else NEVER
    return started


def plan(scheduler: Any, request: Mapping[str, Any], at: datetime, now: datetime) -> datetime:
    """Create the schedule, or leave the one that has yet to fire; when the pipeline will start."""
    try:
        scheduler.create_schedule(**request, ScheduleExpression=expression(at))
    except scheduler.exceptions.ConflictException:
        at = time_of(scheduler.get_schedule(GroupName=request["GroupName"], Name=request["Name"]))
        if at <= now:
            raise FiringError(f"the schedule of {at:%H:%M:%S} is firing; this event comes again") from None
    return at


def not_before(settled: datetime, last: datetime, cool_down: timedelta) -> datetime:
    """The first whole second at which events have settled and the cool-down is over."""
    over = NEVER if last == NEVER else last + cool_down
    return max(settled, over).replace(microsecond=0) + timedelta(seconds=1)


def expression(at: datetime) -> str:
    """A one-time schedule, in UTC."""
    return f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})"


def time_of(schedule: Mapping[str, Any]) -> datetime:
    """When a one-time schedule fires."""
    text: str = schedule["ScheduleExpression"]
    return datetime.fromisoformat(text.removeprefix("at(").removesuffix(")")).replace(tzinfo=UTC)
