"""Events from the capture queue become observations of runs, records, rows to search, and work for the projection.

Whatever stops the function in the middle, the queue delivers the messages again, and every part of the work that was done
is found done. An event may come twice, late or out of order: see `mlrecords.observations`.

Environment: RECORDS_BUCKET, PROJECTION_QUEUE_URL, and USD_PER_HOUR: list prices by instance type, as JSON.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config

from mlrecords.observations import Observation, record_of
from mlrecords.pins import Clients, pinned
from mlrecords.record import RunRecord
from mlrecords.rows import keep_rows
from mlrecords.sending import IMPORT, imported
from mlrecords.store import RecordStore, StoredRun

from .asked import asked
from .events import observations_of

SQS_BATCH = 10
# Many jobs at once ask SageMaker much at once.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 8})
_LOG = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Capture a batch of the queue; messages that failed are named, so that only they come again."""
    return _capture().batch(event["Records"])


@cache
def _capture() -> "Capture":
    """Made once for an environment of the function."""
    client = cache(partial(boto3.client, config=_CONFIG))
    return Capture(
        store=RecordStore(client("s3"), os.environ["RECORDS_BUCKET"]),
        client=client,
        looked_up=Clients.of(boto3.Session(), usd_per_hour=json.loads(os.environ["USD_PER_HOUR"])),
        projection_queue_url=os.environ["PROJECTION_QUEUE_URL"],
    )


@dataclass(frozen=True, kw_only=True)
class Capture:
    """Writes records. `client` makes a client of an AWS service by name; `looked_up` is what pins are made with."""

    store: RecordStore
    client: Callable[[str], Any]
    looked_up: Clients
    projection_queue_url: str

    def batch(self, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Capture messages of SQS, and say which failed."""
        touched: dict[str, StoredRun] = {}
        failed = []
        for message in messages:
            try:
                touched |= {run.run_id: run for run in self.take(json.loads(message["body"]))}
            except Exception:  # noqa: BLE001 - whatever is wrong with one message, the others are captured
                _LOG.exception("message %s was not captured; the queue delivers it again", message["messageId"])
                failed.append({"itemIdentifier": message["messageId"]})
        runs = [run for run in touched.values() if run.record is not None]
        keep_rows(self.store, runs)
        self._announce(runs)
        return {"batchItemFailures": failed}

    def take(self, event: Mapping[str, Any]) -> Iterator[StoredRun]:
        """Observe what one event says. Of runs that another store recorded, nobody here is asked for more."""
        if event["detail-type"] == IMPORT:
            yield self.store.observe(imported(event["detail"]))
            return
        for observation in observations_of(event):
            yield self._observe(observation)

    def _observe(self, observation: Observation) -> StoredRun:
        run = self.store.observe([observation])
        for look in (self._asked, self._pinned):
            found = None if run.record is None else look(record_of(run.record))
            if found is not None:
                run = self.store.observe([found])
        return run

    def _asked(self, record: RunRecord) -> Observation | None:
        return asked(record, sagemaker=self.client("sagemaker"), now=datetime.now(UTC))

    def _pinned(self, record: RunRecord) -> Observation | None:
        return pinned(record, store=self.store, clients=self.looked_up, now=datetime.now(UTC))

    def _announce(self, runs: Sequence[StoredRun]) -> None:
        """Have the runs shown in MLflow. The same record, announced twice within five minutes, is shown once."""
        entries = [
            {
                "Id": run.run_id,
                "MessageBody": json.dumps({"run_id": run.run_id}),
                "MessageGroupId": run.run_id,
                "MessageDeduplicationId": str(run.record_digest).removeprefix("sha256:"),
            }
            for run in runs
        ]
        sqs = self.client("sqs")
        for start in range(0, len(entries), SQS_BATCH):
            part = entries[start : start + SQS_BATCH]
            answer = sqs.send_message_batch(QueueUrl=self.projection_queue_url, Entries=part)
            if refused := answer.get("Failed"):
                raise ProjectionQueueError(f"the projection queue refused {len(refused)} runs: {refused[0]}")


class ProjectionQueueError(Exception):
    """The projection queue did not take a run; the batch is delivered again."""
