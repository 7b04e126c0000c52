"""Schedules of the embedded AWS fire as EventBridge Scheduler's do."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

import mllocal
from tests.local.workbench import Workbench

ROLE = "arn:aws:iam::123456789012:role/scheduler"
OFF = {"Mode": "OFF"}
PATIENCE_SECONDS = 60


class Queue:
    """A queue that a schedule can send to."""

    def __init__(self, engine: mllocal.Engine, name: str) -> None:
        self._sqs = engine.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn: str = attributes["Attributes"]["QueueArn"]

    def next(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            received = self._sqs.receive_message(QueueUrl=self._url, MessageAttributeNames=["All"], WaitTimeSeconds=1)
            for message in received.get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                return dict(message)
        raise AssertionError(f"nothing arrived within {PATIENCE_SECONDS} seconds")

    def is_empty(self) -> bool:
        return "Messages" not in self._sqs.receive_message(QueueUrl=self._url)


def at(moment: datetime) -> str:
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def test_a_one_time_schedule_fires_in_its_zone_with_the_context_attributes_filled_in(workbench: Workbench) -> None:
    queue, scheduler = Queue(workbench.engine, "in-tokyo"), workbench.engine.client("scheduler")
    due = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    names = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    text = json.dumps({name: f"<aws.scheduler.{name}>" for name in names})
    arn = scheduler.create_schedule(
        Name="in-tokyo",
        ScheduleExpression=at(due.astimezone(ZoneInfo("Asia/Tokyo"))),
        ScheduleExpressionTimezone="Asia/Tokyo",
        FlexibleTimeWindow=OFF,
        ActionAfterCompletion="DELETE",
        Target={"Arn": queue.arn, "RoleArn": ROLE, "Input": text},
    )["ScheduleArn"]

    told = json.loads(queue.next()["Body"])
    assert told.pop("execution-id")
    assert told == {
        "schedule-arn": arn,
        "scheduled-time": f"{due:%Y-%m-%dT%H:%M:%SZ}",
        "attempt-number": "1",
    }
    assert scheduler.list_schedules(NamePrefix="in-tokyo")["Schedules"] == []


def test_a_rate_fires_when_it_is_made_and_neither_before_its_start_nor_after_its_end(workbench: Workbench) -> None:
    scheduler, now = workbench.engine.client("scheduler"), datetime.now(UTC)
    bounds: dict[str, dict[str, datetime]] = {
        "at-once": {},
        "too-early": {"StartDate": now + timedelta(hours=1)},
        "too-late": {"EndDate": now - timedelta(hours=1)},
    }
    queues = {name: Queue(workbench.engine, name) for name in bounds}
    for name, dates in bounds.items():
        scheduler.create_schedule(
            Name=name,
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow=OFF,
            Target={"Arn": queues[name].arn, "RoleArn": ROLE},
            **dates,
        )
    event = json.loads(queues["at-once"].next()["Body"])
    assert (event["source"], event["detail-type"]) == ("aws.scheduler", "Scheduled Event")
    assert queues["too-early"].is_empty()
    assert queues["too-late"].is_empty()
    for name in bounds:
        scheduler.delete_schedule(Name=name)


def test_a_target_that_fails_is_tried_again_and_then_given_up(workbench: Workbench) -> None:
    dead = Queue(workbench.engine, "given-up")
    function = f"arn:aws:lambda:{workbench.engine.region}:{workbench.engine.account}:function:not-there"
    workbench.engine.client("scheduler").create_schedule(
        Name="given-up",
        ScheduleExpression=at(datetime.now(UTC)),
        FlexibleTimeWindow=OFF,
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": function,
            "RoleArn": ROLE,
            "Input": '{"attempt": <aws.scheduler.attempt-number>}',
            "RetryPolicy": {"MaximumRetryAttempts": 2},
            "DeadLetterConfig": {"Arn": dead.arn},
        },
    )
    message = dead.next()
    said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"]) == {"attempt": 3}
    assert said["ERROR_CODE"] == "ResourceNotFoundException"
    assert said["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert said["RETRY_ATTEMPTS"] == "2"
    assert said["TARGET_ARN"] == function


@pytest.mark.parametrize(
    ("expression", "dates", "sentence"),
    [
        ("cron(0 25 * * ? *)", {}, "has hour 25; use 0-23"),
        ("rate(1 day)", {"StartDate": datetime(2026, 1, 1, tzinfo=UTC)}, "cannot be earlier than 5 minutes ago"),
    ],
)
def test_what_aws_would_refuse_is_refused(
    workbench: Workbench, expression: str, dates: dict[str, datetime], sentence: str
) -> None:
    with pytest.raises(ClientError, match=f"ValidationException.*{sentence}"):
        workbench.engine.client("scheduler").create_schedule(
            Name="wrong",
            ScheduleExpression=expression,
            FlexibleTimeWindow=OFF,
            Target={"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": ROLE},
            **dates,
        )


def test_what_was_due_while_the_engine_was_down_fires_once_when_it_is_back(tmp_path: Path) -> None:
    engine = mllocal.up(tmp_path)
    try:
        queue = Queue(engine, "late")
        for name, seconds in (("late", 3), ("before", 0)):
            engine.client("scheduler").create_schedule(
                Name=name,
                ScheduleExpression=at(datetime.now(UTC) + timedelta(seconds=seconds)),
                FlexibleTimeWindow=OFF,
                Target={"Arn": queue.arn, "RoleArn": ROLE, "Input": name},
            )
        assert queue.next()["Body"] == "before"
        mllocal.down(tmp_path)
        time.sleep(3)
        queue = Queue(mllocal.up(tmp_path), "late")
        assert queue.next()["Body"] == "late"
        time.sleep(2)
        assert queue.is_empty()
    finally:
        mllocal.down(tmp_path)
