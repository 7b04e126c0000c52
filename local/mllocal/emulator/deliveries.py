"""What schedules owe their targets: kept on disk until it is delivered, tried again, and put into a dead-letter queue at last.

Source: EventBridge Scheduler user guide, "Adding context attributes", "Configuring a schedule's dead-letter queue"; API
reference, Target and RetryPolicy.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from mllocal.aws import Aws
from mllocal.sagemaker.store import Scope

_MAX_AGE_SECONDS, _MAX_RETRIES = 86_400, 185
_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 1, 60
_LOG = logging.getLogger("mllocal.schedules")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One invocation of a schedule's target. `scheduled_at` is when it was due, `due_at` when it is tried next."""

    account: str
    region: str
    schedule_arn: str
    target: dict[str, Any]
    scheduled_at: float
    due_at: float
    attempt: int = 1

    @property
    def scheduled_time(self) -> str:
        """As the context attribute has it."""
        return f"{datetime.fromtimestamp(self.scheduled_at, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def payload(self, execution_id: str) -> str:
        """What the target is told: its input with the context attributes filled in, or the event that stands for none."""
        text = self.target.get("Input")
        if text is None:
            return json.dumps(self._event(execution_id))
        attributes = {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": self.scheduled_time,
            "execution-id": execution_id,
            "attempt-number": str(self.attempt),
        }
        for name, value in attributes.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return str(text)

    def _event(self, execution_id: str) -> dict[str, Any]:
        return {
            "version": "0",
            "id": execution_id,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": self.account,
            "time": self.scheduled_time,
            "region": self.region,
            "resources": [self.schedule_arn],
            "detail": "{}",
        }

    def again(self, now: float) -> Delivery | None:
        """The next attempt, with exponential backoff; None when the retry policy allows no more."""
        policy = self.target.get("RetryPolicy") or {}
        wait = min(_LONGEST_BACKOFF_SECONDS, _BACKOFF_SECONDS * 2 ** (self.attempt - 1))
        too_old = now + wait - self.scheduled_at > policy.get("MaximumEventAgeInSeconds", _MAX_AGE_SECONDS)
        if too_old or self.attempt > policy.get("MaximumRetryAttempts", _MAX_RETRIES):
            return None
        return replace(self, attempt=self.attempt + 1, due_at=now + wait)


@dataclass
class Outbox:
    """What is owed, and which one-time schedules have fired, in one file: a killed engine goes on where it was."""

    path: Path
    owed: list[Delivery] = field(init=False, default_factory=list)
    fired: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        if self.path.exists():
            kept = json.loads(self.path.read_text())
            self.owed = [Delivery(**delivery) for delivery in kept["owed"]]
            self.fired = set(kept["fired"])

    def owe(self, deliveries: Sequence[Delivery], *, fired: Collection[str], known: Collection[str]) -> None:
        """Add deliveries. `fired` are one-time schedules; those that are no longer `known` are forgotten."""
        self.owed += deliveries
        self.fired = {version for version in (*self.fired, *fired) if version in known}
        self._write()

    def deliver(self, now: float) -> None:
        """Try everything that is due once."""
        due = [delivery for delivery in self.owed if delivery.due_at <= now]
        for delivery in due:
            again = _attempt(delivery, now)
            self.owed = [other for other in self.owed if other is not delivery] + ([again] if again else [])
            self._write()

    def _write(self) -> None:
        content = {"owed": [asdict(delivery) for delivery in self.owed], "fired": sorted(self.fired)}
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(content))
        temporary.replace(self.path)


def _attempt(delivery: Delivery, now: float) -> Delivery | None:
    """Deliver; what is left to do if that failed."""
    execution_id = secrets.token_hex(8)
    aws = Aws(Scope(delivery.account, delivery.region))
    payload = delivery.payload(execution_id)
    try:
        _send(aws, delivery, payload)
    except (ClientError, BotoCoreError, ValueError) as error:
        again = delivery.again(now)
        if again is None:
            _LOG.warning("%s gave up on %s: %s", delivery.schedule_arn, delivery.target["Arn"], error)
            _bury(aws, delivery, payload, execution_id, error)
        return again
    return None


def _send(aws: Aws, delivery: Delivery, payload: str) -> None:
    """Call what the target's ARN stands for. Raises ValueError for a target that the embedded AWS does not know."""
    arn, target = str(delivery.target["Arn"]), delivery.target
    parts = arn.split(":")
    if parts[:3] == ["arn", "aws", "scheduler"] and len(parts) == 8:
        _call(aws, parts[6], parts[7], json.loads(payload))
        return
    service = parts[2] if len(parts) > 5 else ""
    if service not in _SENDERS:
        raise ValueError(f"the embedded AWS has no schedule target {arn!r}; use one of {', '.join(_SENDERS)}")
    _SENDERS[service](aws, delivery, target, payload)


def _call(aws: Aws, service: str, operation: str, request: object) -> None:
    """A universal target: any operation, with the input as its request."""
    call = getattr(aws.client(service), xform_name(operation[:1].upper() + operation[1:]), None)
    if call is None or not isinstance(request, dict):
        raise ValueError(f"there is no operation {operation!r} of {service}, or its input is no JSON object")
    call(**request)


def _start_pipeline(aws: Aws, delivery: Delivery, target: dict[str, Any], payload: str) -> None:
    # One token for all attempts of an invocation, so that one whose answer got lost starts nothing twice.
    token = hashlib.sha256(f"{delivery.schedule_arn} {delivery.scheduled_at}".encode()).hexdigest()
    aws.client("sagemaker").start_pipeline_execution(
        PipelineName=target["Arn"],
        PipelineParameters=target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", []),
        ClientRequestToken=token,
    )


def _send_message(aws: Aws, delivery: Delivery, target: dict[str, Any], payload: str) -> None:
    sqs = aws.client("sqs")
    group = target.get("SqsParameters", {})
    sqs.send_message(QueueUrl=_queue_url(sqs, target["Arn"]), MessageBody=payload, **group)


def _put_event(aws: Aws, delivery: Delivery, target: dict[str, Any], payload: str) -> None:
    entry = {**target.get("EventBridgeParameters", {}), "Detail": payload, "EventBusName": target["Arn"]}
    aws.client("events").put_events(Entries=[entry])


_SENDERS: dict[str, Callable[[Aws, Delivery, dict[str, Any], str], object]] = {
    "events": _put_event,
    "lambda": lambda aws, _, target, payload: aws.client("lambda").invoke(
        FunctionName=target["Arn"], InvocationType="Event", Payload=payload.encode()
    ),
    "sagemaker": _start_pipeline,
    "sns": lambda aws, _, target, payload: aws.client("sns").publish(TopicArn=target["Arn"], Message=payload),
    "sqs": _send_message,
    "states": lambda aws, _, target, payload: aws.client("stepfunctions").start_execution(
        stateMachineArn=target["Arn"], input=payload
    ),
}


def _bury(aws: Aws, delivery: Delivery, payload: str, execution_id: str, error: Exception) -> None:
    queue_arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    if queue_arn is None:
        return
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    retries = (delivery.target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", _MAX_RETRIES)
    exhausted = "MaximumRetryAttempts" if delivery.attempt > retries else "MaximumEventAgeInSeconds"
    said = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": str(error),
        "EXECUTION_ID": execution_id,
        "EXHAUSTED_RETRY_CONDITION": exhausted,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(delivery.attempt - 1),
        "SCHEDULED_TIME": delivery.scheduled_time,
        "SCHEDULE_ARN": delivery.schedule_arn,
        "TARGET_ARN": delivery.target["Arn"],
    }
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in said.items()}
    sqs = aws.client("sqs")
    try:
        sqs.send_message(QueueUrl=_queue_url(sqs, queue_arn), MessageBody=payload, MessageAttributes=attributes)
    except (ClientError, BotoCoreError) as lost:
        _LOG.error("the dead-letter queue of %s took nothing: %s", delivery.schedule_arn, lost)


def _queue_url(sqs: Any, arn: str) -> str:
    url: str = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    return url
