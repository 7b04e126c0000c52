"""Queues whose messages a function works on: encrypted, tried again, and set aside in a dead-letter queue at last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from mlplatform.pipeline.dead_letters import dead_letter_queue, queue_policy
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.policy import Statement

FUNCTION_SECONDS = 300
_RECEIVES = 10
_BATCH = 10
_FOURTEEN_DAYS_SECONDS = 1_209_600


@dataclass(frozen=True, kw_only=True)
class WorkQueue:
    """A queue, and the one that keeps what was tried ten times in vain."""

    construct_id: str
    queue: sqs.CfnQueue
    dead_letters: sqs.CfnQueue

    @classmethod
    def create(
        cls,
        scope: Construct,
        construct_id: str,
        *,
        key_arn: str,
        dead_letters_id: str,
        of: str,
        is_fifo: bool = False,
    ) -> WorkQueue:
        """`of` says what the queue is for. Messages of a FIFO queue are worked on one after the other within their group."""
        dead_letters = dead_letter_queue(scope, dead_letters_id, key_arn=key_arn, of=of, is_fifo=is_fifo)
        queue = sqs.CfnQueue(
            scope,
            construct_id,
            fifo_queue=is_fifo or None,  # SQS takes true or nothing.
            kms_master_key_id=key_arn,
            message_retention_period=_FOURTEEN_DAYS_SECONDS,
            # Six times the function's own, as Lambda asks (developer guide, "Using Lambda with Amazon SQS").
            visibility_timeout=6 * FUNCTION_SECONDS,
            redrive_policy={"deadLetterTargetArn": dead_letters.attr_arn, "maxReceiveCount": _RECEIVES},
        )
        return cls(construct_id=construct_id, queue=queue, dead_letters=dead_letters)

    @property
    def arn(self) -> str:
        """The queue's ARN, by reference."""
        arn: str = self.queue.attr_arn
        return arn

    def admit(self, scope: Construct, senders: Sequence[tuple[str, str]] = ()) -> None:
        """Let in requests with TLS only, and messages of the `senders`: a service principal and the ARN of its resource."""
        queue_policy(scope, f"{self.construct_id}Policy", self.queue, arn=self.arn, senders=senders)

    def sending(self) -> Statement:
        """What sends to the queue."""
        return Statement(sid=f"SendTo{self.construct_id}", actions=["sqs:SendMessage"], resources=[self.arn])

    def receiving(self) -> Statement:
        """What the function that works on the messages needs."""
        actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        return Statement(sid=f"WorkOn{self.construct_id}", actions=actions, resources=[self.arn])

    def feed(self, scope: Construct, function: RuntimeFunction, *, most_at_once: int) -> None:
        """Have the function called with messages, by so many at once; it answers which of them failed."""
        lambda_.CfnEventSourceMapping(
            scope,
            f"{self.construct_id}Feed",
            function_name=function.resource.ref,
            event_source_arn=self.arn,
            batch_size=_BATCH,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximumConcurrency": most_at_once},
        )
