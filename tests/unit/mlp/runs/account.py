"""An account with an experiment store on an emulator: its bucket, its parameter, and a capture that takes what people send."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlp.target import RECORDS_PARAMETER, EndpointTarget, at_endpoint
from mlrecords.codec import from_json
from mlrecords.observations import Observation
from mlrecords.rows import keep_rows
from mlrecords.store import RecordStore
from tests.unit.servers import client, s3_server

BUCKET = "records"


class Account:
    """Clients of one emulator, the store in it, and the target that `mlp` talks to."""

    def __init__(self, s3: Any) -> None:
        self.endpoint: str = s3.meta.endpoint_url
        self.store = RecordStore(s3, BUCKET)
        s3.create_bucket(Bucket=BUCKET)
        client("ssm", self.endpoint).put_parameter(Name=RECORDS_PARAMETER, Value=BUCKET, Type="String")

    @property
    def target(self) -> EndpointTarget:
        return at_endpoint(self.endpoint)

    def record(self, *observations: Observation) -> None:
        """As capture does: the record, then the row."""
        keep_rows(self.store, [self.store.observe(observations)])

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """What people send to the event bus goes through a queue to the store, as in AWS."""
        sqs, events = client("sqs", self.endpoint), client("events", self.endpoint)
        url = sqs.create_queue(QueueName="observations")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = {"source": ["mlplatform"], "detail-type": ["ML Platform Run Observation"]}
        events.put_rule(Name="observations", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="observations", Targets=[{"Id": "queue", "Arn": arn}])
        ended = threading.Event()
        thread = threading.Thread(target=self._capture, args=(sqs, url, ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _capture(self, sqs: Any, url: str, ended: threading.Event) -> None:
        while not ended.is_set():
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()):
                detail = json.loads(message["Body"])["detail"]
                self.record(from_json(Observation, detail, "an observation"))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@contextmanager
def account(directory: Path) -> Iterator[Account]:
    with s3_server(directory) as s3:
        yield Account(s3)
