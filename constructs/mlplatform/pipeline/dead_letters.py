"""Queues that keep what could not be delivered."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from mlplatform.compliance import accept
from mlplatform.pipeline.functions import RuntimeFunction

_RETRIES = 2  # The most that Lambda tries an event again (API reference, PutFunctionEventInvokeConfig).
_FOURTEEN_DAYS_SECONDS = 1_209_600  # The longest that SQS keeps a message.


def dead_letter_queue(
    scope: Construct, construct_id: str, *, key_arn: str, of: str, is_fifo: bool = False
) -> sqs.CfnQueue:
    """A queue encrypted with the key at `key_arn`, that keeps messages 14 days; `of` says whose letters it keeps.

    `is_fifo` for those of a FIFO queue, as SQS wants it.
    """
    queue = sqs.CfnQueue(
        scope,
        construct_id,
        fifo_queue=is_fifo or None,  # SQS takes true or nothing.
        kms_master_key_id=key_arn,
        message_retention_period=_FOURTEEN_DAYS_SECONDS,
    )
    accept(queue, {"AwsSolutions-SQS3": f"it is the dead-letter queue of {of}"})
    return queue


def keep_failed_events(scope: Construct, function: RuntimeFunction, queue_arn: str) -> None:
    """Events that a function fails on three times go to the queue. The function has to be allowed to send there."""
    lambda_.CfnEventInvokeConfig(
        scope,
        "FailedEvents",
        function_name=function.resource.ref,
        qualifier="$LATEST",
        maximum_retry_attempts=_RETRIES,
        destination_config={"onFailure": {"destination": queue_arn}},
    )


def queue_policy(
    scope: Construct, construct_id: str, queue: sqs.CfnQueue, *, arn: str, senders: Sequence[tuple[str, str]] = ()
) -> None:
    """Let in only requests with TLS, and messages of the `senders`: a service principal and the ARN of its resource.

    `arn` is the queue's.
    """
    tls_only: dict[str, object] = {
        "Sid": "DenyWithoutTls",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    allowed: list[dict[str, object]] = [
        {
            "Sid": f"Sender{number}",
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
        }
        for number, (service, source_arn) in enumerate(senders, start=1)
    ]
    sqs.CfnQueuePolicy(
        scope,
        construct_id,
        queues=[queue.ref],
        policy_document={"Version": "2012-10-17", "Statement": [tls_only, *allowed]},
    )
