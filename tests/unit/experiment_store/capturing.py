"""A capture with real S3 and real queues; SageMaker's answers are botocore stubs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.stub import Stubber

from mlplatform.experiment_store.runtime.capture.capture import Capture
from mlrecords.pins import Clients
from mlrecords.store import RecordStore
from tests.unit.experiment_store.sagemaker_state_changes import Event
from tests.unit.servers import client


@dataclass(frozen=True)
class Captured:
    """`sagemaker` answers what its stub was told, and nothing else."""

    capture: Capture
    sqs: Any
    queue_url: str
    sagemaker: Any
    stub: Stubber

    def deliver(self, *events: Event) -> list[str]:
        """Hand events over in batches of ten, as Lambda does; the ids of those that failed."""
        failed: list[str] = []
        for start in range(0, len(events), 10):
            answer = self.capture.batch(messages(events[start : start + 10]))
            failed += [one["itemIdentifier"] for one in answer["batchItemFailures"]]
        return failed

    def announced(self) -> list[str]:
        """The runs that the projection is to show, in their order; they are taken."""
        runs: list[str] = []
        while found := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                runs.append(json.loads(message["Body"])["run_id"])
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return runs

    @property
    def store(self) -> RecordStore:
        return self.capture.store

    def run_ids(self) -> list[str]:
        """Of every run in the bucket."""
        pages = self.store.s3.get_paginator("list_objects_v2").paginate(Bucket=self.store.bucket, Prefix="runs/")
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return [key.removeprefix("runs/").removesuffix(".json") for key in keys]


def make_captured(store: RecordStore, sagemaker: Any = None) -> Captured:
    """The projection queue is named after the bucket. A client of `sagemaker` answers instead of a stub, if one is given."""
    sqs = client("sqs", store.s3.meta.endpoint_url)
    attributes = {"FifoQueue": "true"}
    queue_url = sqs.create_queue(QueueName=f"{store.bucket}.fifo", Attributes=attributes)["QueueUrl"]
    stubbed = client("sagemaker")
    stub = Stubber(stubbed)
    stub.activate()
    sagemaker = stubbed if sagemaker is None else sagemaker
    clients = {"sqs": sqs, "sagemaker": sagemaker}
    looked_up = Clients(s3=store.s3, ecr=lambda region: client("ecr", store.s3.meta.endpoint_url), usd_per_hour={})
    capture = Capture(store=store, client=clients.__getitem__, looked_up=looked_up, projection_queue_url=queue_url)
    return Captured(capture, sqs, queue_url, sagemaker, stub)


def messages(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Events as records of SQS."""
    return [{"messageId": f"message-{number}", "body": json.dumps(event)} for number, event in enumerate(events)]
