"""Events of SageMaker, duplicated, out of order and one in a hundred lost: after the reconciliation every run is recorded, once.

`make records` replays a thousand events, a normal test run fewer: REPLAYED_EVENTS says how many. REPLAY_SEED repeats a failure.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlplatform.experiment_store.runtime.capture.mlflow_api import Mlflow
from mlplatform.experiment_store.runtime.capture.projection import Projection
from mlrecords import required
from mlrecords.observations import run_id_of
from mlrecords.record import RunRecord
from tests.unit.experiment_store.capturing import Captured, make_captured, messages
from tests.unit.experiment_store.embedded_sagemaker import EmbeddedSageMaker
from tests.unit.experiment_store.nightly import Nightly
from tests.unit.experiment_store.replayed import EVENTS_OF_A_UNIT, Account, data_bucket, fill, push_image
from tests.unit.experiment_store.sagemaker_state_changes import SAGEMAKER, Event
from tests.unit.servers import client

EVENTS = int(os.environ.get("REPLAYED_EVENTS", "114"))
LOST, DOUBLED = 0.01, 0.3
SHOWN_IN_MLFLOW = 20


def arrivals(events: list[Event], chance: random.Random) -> list[Event]:
    """One in a hundred is lost, one in three comes twice, and none where it belongs."""
    lost = set(chance.sample(range(len(events)), k=round(LOST * len(events))))
    arrived = [event for number, event in enumerate(events) if number not in lost]
    arrived += chance.sample(arrived, k=round(DOUBLED * len(arrived)))
    chance.shuffle(arrived)
    return arrived


def deliver(captured: Captured, events: list[Event]) -> None:
    """By three at once, in batches of ten, as Lambda does."""
    batches = [messages(events[start : start + 10]) for start in range(0, len(events), 10)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(captured.capture.batch, batches))
    assert [one for answer in answers for one in answer["batchItemFailures"]] == []


def test_every_run_is_recorded_once_with_what_it_needs(
    store: Any, bucket: str, s3: Any, mlflow_endpoint: str, tmp_path: Path
) -> None:
    seed = int(os.environ.get("REPLAY_SEED", random.randrange(2**32)))
    print(f"seed {seed}; repeat with REPLAY_SEED={seed}")
    sagemaker = EmbeddedSageMaker(tmp_path)
    account = Account(sagemaker, s3, data_bucket(s3, f"{bucket}-data"), "demo")
    push_image(client("ecr", s3.meta.endpoint_url))
    fill([account], units=-(-EVENTS // EVENTS_OF_A_UNIT))
    events = account.events
    captured = make_captured(store, sagemaker=sagemaker.client())

    deliver(captured, arrivals(events, random.Random(seed)))
    before = set(captured.run_ids())
    nightly = Nightly(sagemaker, captured, datetime.now(UTC) + timedelta(minutes=5))
    sent = nightly.run()["sent"]
    nightly.capture()

    wanted = {run_id_of(arn): state for arn, state in account.arns.items()}
    records = {run_id: store.record(run_id) for run_id in captured.run_ids()}
    assert {run_id: record.status.state for run_id, record in records.items()} == wanted
    shares = shares_of(list(records.values()))
    print(
        f"{len(events)} events of {len(wanted)} runs: {len(wanted) - len(before)} runs and {sent} states were found by the "
        f"reconciliation; required fields without user code: {shares}"
    )
    assert shares["all"] >= 0.95
    assert nightly.run(now=nightly.now + timedelta(days=1))["sent"] == 0
    shown_once(captured, list(records)[:SHOWN_IN_MLFLOW], mlflow_endpoint, project="demo")


def shares_of(records: list[RunRecord]) -> dict[str, float]:
    """The share of the required fields that the records have: by kind, and over all fields of all records."""
    met, of = Counter[str](), Counter[str]()
    for record in records:
        for one in required.requirements(record):
            for name in (record.identity.kind, "all"):
                met[name] += one.is_met
                of[name] += 1
    return {name: round(met[name] / of[name], 4) for name in of}


def shown_once(captured: Captured, run_ids: list[str], mlflow_endpoint: str, *, project: str) -> None:
    """Told of twice, a run is one run in MLflow."""
    mlflow = Mlflow(f"{SAGEMAKER}:mlflow-app/app-ABCDEF", mlflow_endpoint)
    projection = Projection(captured.store, mlflow, lambda observation: None)
    kept = [run_id for run_id in run_ids * 2 if projection.show(run_id) is not None]
    found = mlflow.post("runs/search", experiment_ids=[mlflow.experiment_id(project)], max_results=1000)["runs"]
    tags = [tag["value"] for run in found for tag in run["data"]["tags"] if tag["key"] == "mlplatform.run_id"]
    assert Counter(tag for tag in tags if tag in kept) == Counter(set(kept))
