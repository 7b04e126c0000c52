"""How the demonstration speaks to AWS: the CDK CLI, boto3, and MLflow's REST API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from examples.demand_forecast.demo_screen import Step

CAPTURE_SECONDS = 120
POLL_SECONDS = 0.2
LAST_LINES = 30
_STACK_EVENT = re.compile(r"(\S+) \|\s*(\d+)/(\d+) \|")  # how the CDK CLI begins a line about a stack's progress
_JOBS = ("ProcessingJob", "TrainingJob")


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """An execution that succeeded.

    Attributes:
        arn: its ARN.
        steps: what each step leaves, by the step's name: the `Metadata` of ListPipelineExecutionSteps.
    """

    arn: str
    steps: Mapping[str, Mapping[str, Any]]

    @property
    def recorded_arns(self) -> set[str]:
        """What the experiment store keeps a run of: the execution, and each job that it ran."""
        return {self.arn, *(step[kind]["Arn"] for step in self.steps.values() for kind in _JOBS if kind in step)}

    def output(self, step: str, name: str) -> str:
        """What a Lambda step returned under a name."""
        return next(
            str(item["Value"]) for item in self.steps[step]["Lambda"]["OutputParameters"] if item["Name"] == name
        )


def run_cdk(arguments: list[str], step: Step, environment: Mapping[str, str] | None = None) -> None:
    """Run the CDK CLI and say which stack is done.

    Raises:
        DemoError: it failed; with the end of what it printed.
    """
    command = ["cdk", *arguments, "--no-notices", "--ci"]
    variables = {**os.environ, "CDK_DISABLE_CLI_TELEMETRY": "true", **(environment or {})}
    printed: list[str] = []
    with subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            printed.append(line.rstrip())
            if "✅" in line:
                step.say(line.strip(" ✅\n"))
            elif event := _STACK_EVENT.match(line):
                step.tick("{} {} of {} resources".format(*event.groups()))
    if process.returncode != 0:
        tail = "\n".join(printed[-LAST_LINES:])
        raise DemoError(f"`{' '.join(command)}` failed with exit code {process.returncode}:\n{tail}")


def default_input(sagemaker: Any, pipeline: str) -> str:
    """The S3 prefix that a deployed pipeline reads unless an execution says otherwise."""
    definition = json.loads(sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineDefinition"])
    return str(next(item["DefaultValue"] for item in definition["Parameters"] if item["Name"] == "InputUri"))


def run_pipeline(step: Step, sagemaker: Any, pipeline: str) -> Execution:
    """Run a pipeline to its end.

    Raises:
        DemoError: it did not succeed; with the reason of each failed step.
    """
    arn = sagemaker.start_pipeline_execution(PipelineName=pipeline)["PipelineExecutionArn"]
    status, said, steps = "Executing", set[tuple[str, str]](), list[Any]()
    while status in {"Executing", "Stopping"}:
        time.sleep(POLL_SECONDS)
        status = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        steps = [item for page in pages for item in page["PipelineExecutionSteps"]]
        changes = [(item["StepName"], item["StepStatus"]) for item in steps]
        for change in changes:
            if change not in said:
                step.say(f"{pipeline}: {' '.join(change)}")
        said.update(changes)
    if status != "Succeeded":
        failed = [
            f"{item['StepName']}: {item.get('FailureReason')}" for item in steps if item["StepStatus"] == "Failed"
        ]
        raise DemoError(
            f"{pipeline} {status.lower()}: {'; '.join(failed)}\nread its log with `.venv/bin/mlp logs {pipeline}`"
        )
    return Execution(arn=arn, steps={item["StepName"]: item.get("Metadata", {}) for item in steps})


def upload(s3: Any, file: Path, prefix: str) -> None:
    """Put a file under an S3 prefix."""
    bucket, key = prefix.removeprefix("s3://").split("/", 1)
    s3.upload_file(str(file), bucket, f"{key.rstrip('/')}/{file.name}")


def read_object(s3: Any, uri: str) -> bytes:
    """An object of S3."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def read_json(s3: Any, uri: str) -> Any:
    """A JSON document of S3."""
    return json.loads(read_object(s3, uri))


def wait_for_runs(step: Step, mlflow_url: str, arns: set[str]) -> None:
    """Return when MLflow has a run of each of these jobs and executions, whose events arrive a little later.

    Raises:
        DemoError: some are still missing after two minutes.
    """
    deadline = time.monotonic() + CAPTURE_SECONDS
    while missing := arns - _recorded_arns(mlflow_url):
        if time.monotonic() > deadline:
            raise DemoError(f"MLflow at {mlflow_url} has no run of {', '.join(sorted(missing))}")
        step.tick(f"MLflow has {len(arns) - len(missing)} of {len(arns)} runs")
        time.sleep(POLL_SECONDS)


def _recorded_arns(mlflow_url: str) -> set[str]:
    """The ARNs of all runs."""

    def post(path: str, body: Mapping[str, Any]) -> Any:
        answer = urllib3.request("POST", f"{mlflow_url}/api/2.0/mlflow/{path}", json=body, timeout=10)
        return json.loads(answer.data)

    experiments = [item["experiment_id"] for item in post("experiments/search", {"max_results": 100})["experiments"]]
    runs = post("runs/search", {"experiment_ids": experiments, "max_results": 1000}).get("runs", [])
    tags = (tag for run in runs for tag in run["data"].get("tags", []))
    return {tag["value"] for tag in tags if tag["key"] == "sagemaker.arn"}
