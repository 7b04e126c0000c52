"""A deployed project with batch-inference pipelines whose every prediction says by which model, and from which row, it was made.

Rows are `key,x`; version n of the model answers `n * x`. The team's script does what `behaviour.json` among the input says:
`{"allocate_mib": 5000}` or `{"sleep_seconds": 3}`.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import pyarrow.parquet as pq

import mllocal
from mlplatform import BatchInference, Column, FailurePolicy, MlProject, RunPolicy, Scoring, SourceDirectory
from tests.local.batch_inference.team_code import INFERENCE, PREPARE
from tests.local.deployed_project import DeployedProject, deploy
from tests.local.workbench import IMAGE, Workbench

SECONDS_TO_SETTLE = 180
_SECONDS_WITHOUT_EVENTS = 2

T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, as soon as that is something. Raises TimeoutError, which says that `what` did not happen."""
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"within {SECONDS_TO_SETTLE} s: {what}; found {found!r}")
        time.sleep(0.1)
    return found


def rows(count: int = 30) -> list[str]:
    """`k1,1`, `k2,2` and so on."""
    return [f"k{number},{number}" for number in range(1, count + 1)]


@dataclass
class Lanes:
    """The project `project` and the pipelines `<project>-<lane>`."""

    deployed: DeployedProject
    project: str
    versions: int = 0
    deleted: dict[str, bytes] = field(default_factory=dict)
    """What was in versions of the input that are gone."""
    _buckets: dict[str, str] = field(default_factory=dict)

    @property
    def engine(self) -> mllocal.Engine:
        return self.deployed.workbench.engine

    @classmethod
    def deploy(
        cls, workbench: Workbench, directory: Path, project: str, lanes: Mapping[str, Mapping[str, Any]]
    ) -> Lanes:
        """Deploy one pipeline for each lane, with these further arguments of `BatchInference`."""
        jobs = directory / "jobs"
        jobs.mkdir(parents=True)
        (jobs / "prepare.py").write_text(inspect.cleandoc(PREPARE) + "\n")

        def define(home: MlProject) -> None:
            for lane, options in lanes.items():
                standard: dict[str, Any] = {
                    "keys": [Column("key", "string")],
                    "input_prefix": f"{lane}/%Y-%m-%d/",
                    "runs": RunPolicy(failure=FailurePolicy(backoff_seconds=0)),
                    "scoring": Scoring(part_rows=10),
                }
                BatchInference(home, lane, source=SourceDirectory(jobs), **{**standard, **options})

        return cls(deploy(workbench, directory / "cdk.out", project, define), project)

    def register(self, inference: str = INFERENCE, status: str = "Approved") -> int:
        """Register the next version, whose factor is its number; the number."""
        sagemaker = self.engine.client("sagemaker")
        self.versions += 1
        number = self.versions  # As SageMaker numbers them, also when one is deleted.
        model = {
            "model.json": json.dumps({"factor": number}),
            "code/inference.py": inspect.cleandoc(inference),
        }
        uri = self.deployed.workbench.put_archive(f"models/{self.project}/{number}/model.tar.gz", dict(model))
        sagemaker.create_model_package(
            ModelPackageGroupName=self.project,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": uri}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
        return number

    def forget(self, version: int) -> None:
        """Take a version out of the registry."""
        arn = f"arn:aws:sagemaker:{self.engine.region}:{self.engine.account}:model-package/{self.project}/{version}"
        self.engine.client("sagemaker").delete_model_package(ModelPackageName=arn)

    def put_rows(self, lane: str, day: str, rows: Sequence[str], behaviour: Mapping[str, Any] | None = None) -> None:
        """The input of a lane for one day."""
        self.deployed.put(f"{lane}/{day}/rows.csv", "".join(f"{row}\n" for row in rows))
        if behaviour is not None:
            self.deployed.put(f"{lane}/{day}/behaviour.json", json.dumps(behaviour))

    @contextlib.contextmanager
    def restless_input(self, lane: str, day: str) -> Iterator[None]:
        """Rows that are replaced all the time, with another object that comes and goes."""
        enough = threading.Event()

        def change() -> None:
            for number in itertools.count(1):
                self.put_rows(lane, day, [f"k{row},{number * 100 + row}" for row in range(1, 12)])
                more = {"Bucket": self.deployed.data_bucket, "Key": f"{lane}/{day}/some.csv"}
                if number % 2:
                    self.engine.client("s3").put_object(**more, Body=f"more,{number}\n".encode())
                else:
                    self.engine.client("s3").delete_object(**more)
                if enough.wait(0.05):
                    return

        changing = threading.Thread(target=change)
        self.put_rows(lane, day, ["k0,1"])
        changing.start()
        try:
            yield
        finally:
            enough.set()
            changing.join()

    def call(self, lane: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """Call the lane's controller, as the services do; its answer, or what it failed with."""
        answer = self.engine.client("lambda").invoke(
            FunctionName=f"{self.project}-{lane}-controller", Payload=json.dumps(event).encode()
        )
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        return result

    def start(self, lane: str, *moments: str, **options: Any) -> dict[str, Any]:
        """Ask for the runs of these moments."""
        starts = [{"scheduled_at": moment, "because": "schedule", **options} for moment in moments]
        return self.call(lane, {"starts": starts})

    def state(self, lane: str) -> dict[str, Any]:
        """The controller's document."""
        found: dict[str, Any] = json.loads(
            self._read(self._bucket("Artifacts"), f"run-state/{self.project}-{lane}.json")
        )
        return found

    def settle(self, lane: str) -> dict[str, Any]:
        """Return when nothing is at work and nothing waits; the state then. Events do it; a tick helps where one got lost."""
        looked = time.monotonic()

        def settled() -> dict[str, Any] | None:
            nonlocal looked
            state = self.state(lane)
            if not (state["active"] or state["queue"] or state["notices"]):
                return state
            if time.monotonic() > looked + _SECONDS_WITHOUT_EVENTS:
                self.call(lane, {"tick": True})
                looked = time.monotonic()
            return None

        return eventually(settled, f"lane {lane} did not settle: {self.state(lane)}")

    def teach(self, lane: str, **members: Any) -> None:
        """Have the controller's document, which the first tick makes, say this."""
        eventually(
            lambda: self._keys(self._bucket("Artifacts"), f"run-state/{self.project}-{lane}.json"), "no first tick"
        )
        taught = json.dumps({**self.state(lane), **members})
        key = f"run-state/{self.project}-{lane}.json"
        self.engine.client("s3").put_object(Bucket=self._bucket("Artifacts"), Key=key, Body=taught.encode())

    def executions(self, lane: str) -> list[str]:
        """The ARNs of the lane's executions, the newest first."""
        paginator = self.engine.client("sagemaker").get_paginator("list_pipeline_executions")
        pages = paginator.paginate(PipelineName=f"{self.project}-{lane}", SortBy="CreationTime", SortOrder="Descending")
        return [found["PipelineExecutionArn"] for page in pages for found in page["PipelineExecutionSummaries"]]

    def manifests(self, lane: str) -> dict[str, dict[str, Any]]:
        """What is published, by run id."""
        prefix = f"{self.project}-{lane}/manifests/"
        bucket = self._bucket("Output")
        return {
            key.removeprefix(prefix).removesuffix(".json"): json.loads(self._read(bucket, key))
            for key in self._keys(bucket, prefix)
        }

    def published_files(self, lane: str) -> dict[str, list[str]]:
        """The files that Athena reads, by run id."""
        prefix = f"{self.project}-{lane}/published/"
        bucket = self._bucket("Output")
        return {
            key.rpartition("/")[2].removesuffix(".txt"): self._read(bucket, key).decode().split()
            for key in self._keys(bucket, prefix)
        }

    def working_file(self, lane: str, run_id: str, path: str) -> dict[str, Any]:
        """A JSON file that a run left among its working files."""
        return self.artifact(f"{self.project}-{lane}/runs/{run_id}/{path}")

    def artifact(self, key: str) -> dict[str, Any]:
        """A JSON file of the artifact bucket."""
        found: dict[str, Any] = json.loads(self._read(self._bucket("Artifacts"), key))
        return found

    def put_working_file(self, lane: str, run_id: str, path: str, content: Mapping[str, Any]) -> None:
        """As if a step had written this."""
        key = f"{self.project}-{lane}/runs/{run_id}/{path}"
        body = json.dumps(content).encode()
        self.engine.client("s3").put_object(Bucket=self._bucket("Artifacts"), Key=key, Body=body)

    def predictions(self, files: Sequence[str]) -> list[tuple[str, float]]:
        """Key and prediction of each row of Parquet files."""
        found: list[tuple[str, float]] = []
        for uri in files:
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            table = pq.read_table(BytesIO(self._read(bucket, key)))
            found += zip(table["key"].to_pylist(), table["prediction"].to_pylist(), strict=True)
        return found

    def remove_input(self, lane: str, day: str, *, with_version: bool = False) -> None:
        """Remove the rows of a day; with their version, nobody ever reads that again, and the one before is back."""
        s3, place = self.engine.client("s3"), {"Bucket": self.deployed.data_bucket, "Key": f"{lane}/{day}/rows.csv"}
        if not with_version:
            s3.delete_object(**place)
            return
        with contextlib.suppress(s3.exceptions.NoSuchKey):
            found = s3.get_object(**place)
            self.deleted[found["VersionId"]] = found["Body"].read()
            s3.delete_object(**place, VersionId=found["VersionId"])

    def input_rows(self, manifest: Mapping[str, Any]) -> list[str]:
        """The rows of exactly those versions of the input that a manifest names."""
        named = [found for found in manifest["input"]["objects"] if found["key"].endswith(".csv")]
        return [row for found in named for row in self._version(found["key"], found["version_id"]).decode().split()]

    def _version(self, key: str, version_id: str) -> bytes:
        if version_id in self.deleted:
            return self.deleted[version_id]
        place = {"Bucket": self.deployed.data_bucket, "Key": key}
        body: bytes = self.engine.client("s3").get_object(**place, VersionId=version_id)["Body"].read()
        return body

    def _bucket(self, kind: str) -> str:
        if kind not in self._buckets:
            self._buckets[kind] = self._find_bucket(kind)
        return self._buckets[kind]

    def _find_bucket(self, kind: str) -> str:
        resources = self.engine.client("cloudformation").describe_stack_resources(StackName=self.deployed.stack_name)
        (name,) = (
            str(found["PhysicalResourceId"])
            for found in resources["StackResources"]
            if found["LogicalResourceId"].startswith(f"Project{kind}") and found["ResourceType"] == "AWS::S3::Bucket"
        )
        return name

    def _keys(self, bucket: str, prefix: str) -> list[str]:
        pages = self.engine.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _read(self, bucket: str, key: str) -> bytes:
        body: bytes = self.engine.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


def day(number: int) -> str:
    """A day of the year 2026, as input prefixes name it."""
    return datetime(2026, 1, number, tzinfo=UTC).strftime("%Y-%m-%d")
