"""Ways from an import to the real capture: a bus without a wait, and the bus and the queue as they are deployed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlrecords.sending import IMPORT
from tests.unit.experiment_store.capturing import Captured, make_captured
from tests.unit.mlp.runs.account import Account
from tests.unit.servers import client


class Bus:
    """An event bus without a wait: what is put on it, the real capture takes at once. SageMaker answers nothing."""

    def __init__(self, captured: Captured) -> None:
        self.captured = captured

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - as boto3 calls it
        for entry in Entries:
            assert len(json.dumps(entry)) < 256 * 1024
            event = {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
            assert self.captured.deliver(event) == []
        return {"FailedEntryCount": 0}


@contextmanager
def capturing(account: Account) -> Iterator[None]:
    """The bus, a queue and the capture, as they are deployed; the capture in a thread instead of a function."""
    captured = make_captured(account.store)
    sqs, events = client("sqs", account.endpoint), client("events", account.endpoint)
    url = sqs.create_queue(QueueName="capture")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="capture", EventPattern=json.dumps({"source": ["mlplatform"], "detail-type": [IMPORT]}))
    events.put_targets(Rule="capture", Targets=[{"Id": "queue", "Arn": arn}])
    ended = threading.Event()

    def capture() -> None:
        while not ended.is_set():
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()):
                captured.capture.batch([{"messageId": "1", "body": message["Body"]}])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    thread = threading.Thread(target=capture)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
