"""Nothing is lost, and nothing is there twice, when the functions of the store are killed in the middle of any call that they make.

Each seed takes the events of one execution, loses some of them, delivers the others in any order, some twice, and kills the capture,
the projection and the reconciliation at calls drawn at random. A killed function's messages come again, as a queue does it.
`make records` lives through 200 seeds, a normal test run through a few: KILLED_SEEDS says how many. KILLED_FIRST_SEED repeats one.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from mlplatform.experiment_store.runtime.capture.capture import Capture
from mlplatform.experiment_store.runtime.capture.events import observations_of
from mlplatform.experiment_store.runtime.capture.mlflow_api import Mlflow
from mlplatform.experiment_store.runtime.capture.projection import Projection
from mlplatform.experiment_store.runtime.capture.reconciliation import Reconciliation
from mlrecords.codec import to_json
from mlrecords.observations import Observation, record_of, run_id_of
from mlrecords.pins import Clients
from mlrecords.record import RunRecord
from mlrecords.rows import row_files, unpacked
from mlrecords.store import RecordStore
from tests.unit.experiment_store.embedded_sagemaker import EmbeddedSageMaker
from tests.unit.experiment_store.killing import BurningHttp, Fuse, Killed
from tests.unit.experiment_store.replayed import Account, data_bucket, fill, push_image
from tests.unit.experiment_store.sagemaker_state_changes import SAGEMAKER, Event
from tests.unit.servers import ACCOUNT, client

FIRST_SEED = int(os.environ.get("KILLED_FIRST_SEED", random.randrange(2**31)))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("KILLED_SEEDS", "2")))
APP_ARN = f"{SAGEMAKER}:mlflow-app/app-ABCDEF"
MOST_KILLS = 12
MOST_CALLS = 150
"""About as many as a batch of events makes; a later end never comes."""


@dataclass(frozen=True)
class World:
    """Real S3, SQS and ECR, and an account for each seed."""

    endpoint: str
    accounts: Mapping[int, Account]

    def client(self, service: str) -> Any:
        return client(service, self.endpoint)


@pytest.fixture(scope="module")
def world(s3: Any, tmp_path_factory: pytest.TempPathFactory) -> World:
    accounts = {}
    for seed in SEEDS:
        sagemaker = EmbeddedSageMaker(tmp_path_factory.mktemp("sagemaker"))
        accounts[seed] = Account(sagemaker, s3, data_bucket(s3, f"killed-data-{seed}"), f"seed-{seed}")
    push_image(client("ecr", s3.meta.endpoint_url))
    fill(list(accounts.values()), 1)
    return World(s3.meta.endpoint_url, accounts)


class Life:
    """One seed: the queues, the functions and what ends them."""

    def __init__(self, world: World, mlflow_endpoint: str, seed: int) -> None:
        self.account, self.chance = world.accounts[seed], random.Random(seed)
        self.kills, self.fuse = 0, Fuse()
        s3, self.sagemaker, ecr, sqs = (
            self.fuse.attach(made)
            for made in (
                world.client("s3"),
                self.account.sagemaker.client(),
                world.client("ecr"),
                world.client("sqs"),
            )
        )
        bucket = f"killed-records-{seed}"
        s3.create_bucket(Bucket=bucket)
        self.store = RecordStore(s3, bucket)
        self.queue: list[Event] = []
        self.sqs = world.client("sqs")
        attributes = {"FifoQueue": "true", "VisibilityTimeout": "0"}
        self.fifo = self.sqs.create_queue(QueueName=f"{bucket}.fifo", Attributes=attributes)["QueueUrl"]
        self.capture = Capture(
            store=self.store,
            client={"sqs": sqs, "sagemaker": self.sagemaker}.__getitem__,
            looked_up=Clients(s3=s3, ecr=lambda region: ecr, usd_per_hour={}),
            projection_queue_url=self.fifo,
        )
        mlflow = Mlflow(APP_ARN, mlflow_endpoint)
        mlflow._http = cast(Any, BurningHttp(mlflow._http, self.fuse))
        self.projection = Projection(self.store, mlflow, self._tell_capture)

    def live(self) -> None:
        """Some events are lost, the others come in any order, some twice; then the reconciliation, and all that follows."""
        arrived = [event for event in self.account.events if self.chance.random() > 0.15]
        arrived += self.chance.sample(arrived, k=len(arrived) // 4)
        self.chance.shuffle(arrived)
        self.arrived = [*arrived]
        self.queue += arrived
        self._settle()
        while not self._survives(self._reconcile):
            pass
        self._settle()

    def _settle(self) -> None:
        """Until both queues are empty."""
        while self.queue or self._shown():
            if self.queue:
                self._capture_a_batch()

    def _capture_a_batch(self) -> None:
        batch, rest = self.queue[:10], self.queue[10:]
        records = [{"messageId": str(number), "body": json.dumps(event)} for number, event in enumerate(batch)]
        answer: dict[str, Any] = {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]}
        self._survives(lambda: answer.update(self.capture.batch(records)))
        again = [batch[int(failed["itemIdentifier"])] for failed in answer["batchItemFailures"]]
        self.queue = [*self.queue[len(batch) + len(rest) :], *rest, *again]
        self.chance.shuffle(self.queue)

    def _shown(self) -> bool:
        """Whether the projection had anything to do: a batch of the queue, whose messages stay unless they were worked on."""
        found = self.sqs.receive_message(QueueUrl=self.fifo, MaxNumberOfMessages=10).get("Messages", [])
        records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in found]
        failed = {record["messageId"] for record in records}

        def work() -> None:
            answer = self.projection.batch(records)
            failed.intersection_update(one["itemIdentifier"] for one in answer["batchItemFailures"])

        if found:
            self._survives(work)
        for one in found:
            if one["MessageId"] not in failed:
                self.sqs.delete_message(QueueUrl=self.fifo, ReceiptHandle=one["ReceiptHandle"])
        return bool(found)

    def _reconcile(self) -> None:
        Reconciliation(
            store=self.store,
            sagemaker=self.sagemaker,
            send=lambda body: self.queue.append(json.loads(body)),
            account=ACCOUNT,
            has_time=lambda: True,
        ).run(datetime.now(UTC) + timedelta(minutes=5))

    def _tell_capture(self, observation: Observation) -> None:
        self.fuse.before()
        detail = json.loads(json.dumps(to_json(observation)))
        self.queue.append({"detail-type": "ML Platform Run Observation", "detail": detail})
        self.fuse.after()

    def _survives(self, work: Callable[[], object]) -> bool:
        """Whether the function came to its end; it is killed by chance, until there were enough."""
        if self.kills < MOST_KILLS and self.chance.random() < 0.9:
            self.fuse.light(self.chance.randrange(MOST_CALLS), lost_answer=self.chance.random() < 0.5)
        with suppress(Killed):
            work()
            self.fuse.calls = None
            return True
        self.kills += 1
        return False


def rows_of(store: RecordStore) -> Iterator[dict[str, Any]]:
    for key in row_files(store):
        yield from unpacked(store.s3.get_object(Bucket=store.bucket, Key=key)["Body"].read())


@pytest.mark.parametrize("seed", SEEDS, ids=map(str, range(len(SEEDS))))
def test_whatever_is_killed_nothing_is_lost_and_nothing_is_there_twice(
    world: World, mlflow_endpoint: str, seed: int
) -> None:
    print(f"seed {seed}; repeat with KILLED_SEEDS=1 KILLED_FIRST_SEED={seed}")
    life = Life(world, mlflow_endpoint, seed)

    life.live()

    print(f"killed {life.kills} times")
    runs = {arn: life.store.run(run_id_of(arn)) for arn in life.account.arns}
    assert {arn: (run.record or {})["status"]["state"] for arn, run in runs.items()} == life.account.arns
    held = {one.digest for run in runs.values() for one in run.observations}
    assert {one.digest for event in life.arrived for one in observations_of(event)} <= held
    for run in runs.values():
        name = str(run.record_digest).removeprefix("sha256:")
        life.store.s3.head_object(Bucket=life.store.bucket, Key=f"records/{name[:2]}/{name}.json")
    newest = {row["run_id"]: row["record"] for row in sorted(rows_of(life.store), key=lambda row: row["revision"])}
    assert newest == {run.run_id: run.record_digest for run in runs.values()}
    for run in runs.values():
        check_shown(Mlflow(APP_ARN, mlflow_endpoint), record_of(run.record or {}))


def check_shown(mlflow: Mlflow, record: RunRecord) -> None:
    """What is shown of a run in MLflow is one run, with the state of its record, and the record knows it."""
    experiment = mlflow.experiment_id(record.identity.project or "untagged")
    wanted = f"tags.`mlplatform.run_id` = '{record.run_id}'"
    found = mlflow.post("runs/search", experiment_ids=[experiment], filter=wanted).get("runs", [])
    if record.identity.kind == "pipeline-step":
        assert found == []
        return
    (run,) = found
    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    assert tags["sagemaker.status"] == record.status.state
    assert record.identity.mlflow_run_id == run["info"]["run_id"]
