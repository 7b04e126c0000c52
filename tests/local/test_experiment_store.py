"""The experiment store on the embedded AWS: real jobs, real queues, real functions, which are really killed.

KILLED_ENGINES is how many seeds are lived through; KILLED_ENGINES_FIRST_SEED repeats one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

import mllocal
from mlplatform import ExperimentStore
from mlrecords.observations import run_id_of
from mlrecords.record import RunRecord
from mlrecords.store import RecordStore, RunNotFoundError
from tests.local.deployed_project import deploy_stack
from tests.local.workbench import Workbench, shell_step

FIRST_SEED = int(os.environ.get("KILLED_ENGINES_FIRST_SEED", random.randrange(2**31)))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("KILLED_ENGINES", "1")))
CAPTURE, PROJECTION, RECONCILIATION = (
    f"mlp-experiments-{name}" for name in ("capture", "projection", "reconciliation")
)
PATIENCE_SECONDS = 120
HIDDEN_SECONDS = 5
"""A killed function's messages come again after this, instead of half an hour."""


@dataclass
class Deployed:
    """The store, and its engine, which tests may kill."""

    workbench: Workbench
    directory: Path

    @property
    def engine(self) -> mllocal.Engine:
        return self.workbench.engine

    @property
    def records(self) -> RecordStore:
        ssm = self.engine.client("ssm")
        bucket = ssm.get_parameter(Name="/mlplatform/experiments/records-bucket")["Parameter"]["Value"]
        return RecordStore(self.engine.client("s3"), bucket)

    def wait_for(self, *run_ids: str, state: str) -> list[RunRecord]:
        """The records once all of them are in this state."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        found: list[RunRecord] = []
        while time.monotonic() < deadline:
            with suppress(RunNotFoundError, BotoCoreError, ClientError):
                found = [self.records.record(run_id) for run_id in run_ids]
                if {record.status.state for record in found} == {state}:
                    return found
            time.sleep(0.5)
        raise AssertionError(
            f"{[(one.identity.name, one.status.state) for one in found]} of {len(run_ids)} are not {state}"
        )

    def reconcile(self) -> Any:
        """Call the function as the schedule does, past the day that lies between two passes."""
        s3, bucket = self.engine.client("s3"), self.records.bucket
        s3.delete_object(Bucket=bucket, Key="reconciliation/state.json")
        answer = self.engine.client("lambda").invoke(FunctionName=RECONCILIATION, Payload=b"{}")
        return json.loads(answer["Payload"].read())

    def shown(self) -> list[str]:
        """The run ids that MLflow shows, each as often as it does."""
        url = f"{self.engine.mlflow_url}/api/2.0/mlflow"
        answer = urllib3.request("POST", f"{url}/experiments/search", json={"max_results": 100}, timeout=10)
        experiments = [found["experiment_id"] for found in json.loads(answer.data)["experiments"]]
        wanted = {"experiment_ids": experiments, "max_results": 1000}
        runs = json.loads(urllib3.request("POST", f"{url}/runs/search", json=wanted, timeout=10).data).get("runs", [])
        return [
            tag["value"] for run in runs for tag in run["data"].get("tags", []) if tag["key"] == "mlplatform.run_id"
        ]

    def kill(self) -> None:
        """Kill the engine, and start it again."""
        os.kill(self.engine.pid, signal.SIGKILL)
        self.workbench.engine = mllocal.up(self.directory)

    def hide_for(self, seconds: int) -> None:
        sqs = self.engine.client("sqs")
        for url in sqs.list_queues()["QueueUrls"]:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """An engine of its own, since it is killed."""
    directory = tmp_path_factory.mktemp("store")
    try:
        workbench = Workbench.create(mllocal.up(directory), "experiment-store")
        assembly = tmp_path_factory.mktemp("assembly")
        deploy_stack(workbench, assembly, "experiment-store", lambda stack: ExperimentStore(stack, "Store"))
        found = Deployed(workbench, directory)
        found.hide_for(HIDDEN_SECONDS)
        yield found
    finally:
        log = Path(directory, ".mlp", "engine.log")
        print(log.read_text()[-3000:] if log.exists() else "the engine left no log")
        mllocal.down(directory)


def start(deployed: Deployed, name: str, *scripts: str) -> str:
    """A pipeline of small steps; the ARN of its execution."""
    workbench = deployed.workbench
    steps = [
        shell_step(f"step-{number}", script, outputs=(workbench.output(f"{name}/{number}"),))
        for number, script in enumerate(scripts)
    ]
    return workbench.start(workbench.create_pipeline(*steps, name=name))


def run_ids(deployed: Deployed, execution_arn: str) -> list[str]:
    """Of an execution that has ended, its steps and its jobs."""
    execution = deployed.workbench.wait(execution_arn)
    jobs = [step["Metadata"]["ProcessingJob"]["Arn"] for step in execution.steps.values()]
    steps = [f"{execution_arn}/step/{name}" for name in execution.steps]
    return [run_id_of(arn) for arn in (execution_arn, *steps, *jobs)]


def test_an_execution_its_steps_and_its_jobs_are_recorded_with_nothing_tracked_by_hand(deployed: Deployed) -> None:
    arn = start(deployed, "recorded", "echo done > /opt/ml/processing/output/out.txt")
    execution_id, step_id, job_id = run_ids(deployed, arn)
    deployed.wait_for(execution_id, step_id, state="Succeeded")
    (job,) = deployed.wait_for(job_id, state="Completed")
    assert job.code.entry_point[:2] == ("sh", "-c")
    assert job.outputs["output"].version is not None
    assert job.parents[execution_id].relation == "execution"
    assert job.request["AppSpecification"]["ContainerEntrypoint"][0] == "sh"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while set(deployed.shown()) < {execution_id, job_id} and time.monotonic() < deadline:
        time.sleep(0.5)
    assert sorted(deployed.shown()) == sorted([execution_id, job_id])
    while deployed.records.record(job_id).identity.mlflow_run_id is None and time.monotonic() < deadline:
        time.sleep(0.5)
    assert deployed.records.record(job_id).identity.mlflow_run_id is not None


def test_what_no_event_told_is_found_by_the_reconciliation(deployed: Deployed) -> None:
    events = deployed.engine.client("events")
    (rule,) = events.list_rules()["Rules"]
    events.disable_rule(Name=rule["Name"])
    found = run_ids(deployed, start(deployed, "unheard", "true"))
    events.enable_rule(Name=rule["Name"])
    with pytest.raises(RunNotFoundError):
        deployed.records.record(found[0])
    answer = deployed.reconcile()
    assert answer["finished"], answer
    assert answer["sent"] >= len(found)
    deployed.wait_for(*found[:2], state="Succeeded")
    deployed.wait_for(*found[2:], state="Completed")


@pytest.mark.parametrize("seed", SEEDS, ids=map(str, range(len(SEEDS))))
def test_functions_and_engine_that_are_really_killed_lose_nothing(deployed: Deployed, seed: int) -> None:
    print(f"seed {seed}; repeat with KILLED_ENGINES=1 KILLED_ENGINES_FIRST_SEED={seed}")
    chance = random.Random(seed)
    deployed.engine.put_faults(
        kill=[
            {"function": name, "next": 2, "after_milliseconds": chance.randrange(20, 1500)}
            for name in (CAPTURE, PROJECTION)
        ],
        events={"doubled_rate": 0.3, "delayed_rate": 0.3},
        seed=seed,
    )
    arn = start(deployed, f"killed-{seed}", "true", f"sleep {chance.random():.2f}")
    found = run_ids(deployed, arn)
    threading.Event().wait(chance.uniform(0, 4))  # Somewhere in the middle of what the functions do.
    deployed.kill()
    deployed.engine.put_faults()
    assert deployed.reconcile()["finished"]
    succeeded = [run_id_of(arn), *(run_id_of(f"{arn}/step/step-{number}") for number in range(2))]
    deployed.wait_for(*succeeded, state="Succeeded")
    jobs = deployed.wait_for(*(run_id for run_id in found if run_id not in succeeded), state="Completed")
    deadline = time.monotonic() + PATIENCE_SECONDS
    wanted = {succeeded[0], *(job.run_id for job in jobs)}
    while not wanted <= set(deployed.shown()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert sorted(run_id for run_id in deployed.shown() if run_id in wanted) == sorted(wanted)
