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
from typing import Any

import pyarrow.parquet as pq

import mllocal
from mlplatform import BatchInference, Column, FailurePolicy, MlProject, RunPolicy, Scoring, SourceDirectory
from tests.local.deployed_project import DeployedProject, deploy
from tests.local.workbench import IMAGE, Workbench

SECONDS_TO_SETTLE = 180
PREPARE = """
    import argparse, json, pathlib, sys, time
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    behaviour = options.input / "behaviour.json"
    wanted = json.loads(behaviour.read_text()) if behaviour.exists() else {}
    time.sleep(wanted.get("sleep_seconds", 0))
    held = [bytes(bytearray(1 << 20)) for _ in range(wanted.get("allocate_mib", 0))]
    rows = [path.read_text() for path in sorted(options.input.glob("*.csv"))]
    (options.output / "rows.csv").write_text("".join(rows))
"""
INFERENCE = """
    import json, pathlib
    def model_fn(directory):
        return json.loads(pathlib.Path(directory, "model.json").read_text())["factor"]
    def predict_fn(data, model):
        if (data[:, 0] == 13).any():
            raise ValueError("13 is unlucky")
        return data[:, 0] * model
"""
BROKEN_INFERENCE = """
    def model_fn(directory):
        raise RuntimeError("this model was never going to load")
"""
_RUNNING = ("Executing", "Stopping")


@dataclass
class Lanes:
    """The project `project` and the pipelines `<project>-<lane>`."""

    deployed: DeployedProject
    project: str
    versions: int = 0
    deleted: dict[str, bytes] = field(default_factory=dict)
    """What was in versions of the input that are gone."""

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

    def listen(self) -> Callable[[], list[dict[str, Any]]]:
        """Subscribe a queue to the project's topic; what has come since, when called."""
        sqs, sns = self.engine.client("sqs"), self.engine.client("sns")
        queue = sqs.create_queue(QueueName=f"{self.project}-{time.monotonic_ns()}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        (topic,) = (
            found["TopicArn"] for found in sns.list_topics()["Topics"] if f"project-{self.project}" in found["TopicArn"]
        )
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

        def received() -> list[dict[str, Any]]:
            messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            return [json.loads(message["Body"]) for message in messages]

        return received

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
        """Tick until nothing is at work and nothing waits; the state then."""
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        while time.monotonic() < deadline:
            self.call(lane, {"tick": True})
            state = self.state(lane)
            if not (state["active"] or state["queue"] or state["notices"]):
                return state
            time.sleep(0.5)
        raise TimeoutError(
            f"lane {lane} did not settle within {SECONDS_TO_SETTLE} s: {json.dumps(self.state(lane), indent=1)}"
        )

    def teach(self, lane: str, memory: Mapping[str, Any]) -> None:
        """Have the controller's document remember this of earlier jobs."""
        self.call(lane, {"tick": True})
        taught = json.dumps({**self.state(lane), "memory": memory})
        key = f"run-state/{self.project}-{lane}.json"
        self.engine.client("s3").put_object(Bucket=self._bucket("Artifacts"), Key=key, Body=taught.encode())

    def executions(self, lane: str) -> list[str]:
        """The ARNs of the lane's executions."""
        found = self.engine.client("sagemaker").list_pipeline_executions(PipelineName=f"{self.project}-{lane}")
        return [execution["PipelineExecutionArn"] for execution in found["PipelineExecutionSummaries"]]

    def wait_for_step(self, lane: str, step: str) -> None:
        """Return when the step of the newest execution has begun."""
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        sagemaker = self.engine.client("sagemaker")
        while time.monotonic() < deadline:
            for arn in self.executions(lane)[:1]:
                steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
                if any(found["StepName"] == step and found.get("Metadata") for found in steps):
                    return
            time.sleep(0.2)
        raise TimeoutError(f"step {step} of lane {lane} did not begin within {SECONDS_TO_SETTLE} s")

    def limit_seconds(self, lane: str, step: str, seconds: int) -> None:
        """Give the job of a step less time than a deployment can."""
        sagemaker = self.engine.client("sagemaker")
        name = f"{self.project}-{lane}"
        pipeline = sagemaker.describe_pipeline(PipelineName=name)
        definition = json.loads(pipeline["PipelineDefinition"])
        for found in definition["Steps"]:
            if found["Name"] == step:
                found["Arguments"]["StoppingCondition"] = {"MaxRuntimeInSeconds": seconds}
        sagemaker.update_pipeline(
            PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=pipeline["RoleArn"]
        )

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
        key = f"{self.project}-{lane}/runs/{run_id}/{path}"
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
