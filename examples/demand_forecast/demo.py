"""The platform's main job, end to end on this machine: `make demo`.

Synthesizes the organisation of platform.yaml, deploys it with the CDK CLI to the embedded AWS, trains the model,
approves it, forecasts a week that the model has not seen, and shows the forecast against what happened. All of it
goes through public interfaces: the CDK CLI, boto3, MLflow's REST API.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

import mllocal
from examples.demand_forecast.chart import draw_forecast
from examples.demand_forecast.demo_screen import Screen, Step
from examples.demand_forecast.history import (
    actual_demand,
    final_origin,
    forecast_errors,
    seasonal_naive,
    write_history,
)

ROOT = Path.cwd()
ASSEMBLY = ROOT / "cdk.out"
RESULTS = ROOT / ".mlp" / "demo"
TRAINING, FORECAST = "demand-forecast-training", "demand-forecast-weekly-forecast"
CAPTURE_SECONDS = 20
LAST_LINES = 30
_DEPLOYED = re.compile(r"(\S+) \|\s*(\d+)/(\d+) \|")  # a line of the CDK CLI about one event of a stack


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """What `cdk synth` wrote."""

    stacks: int
    resources: int
    account: str
    region: str


def synthesize(step: Step) -> Assembly:
    """Synthesize the dev environment, without credentials."""
    cdk(["synth", "--quiet", "--context", "environment=dev", "--output", str(ASSEMBLY)], step)
    manifest = json.loads((ASSEMBLY / "manifest.json").read_text(encoding="utf-8"))
    stacks = [item for item in manifest["artifacts"].values() if item["type"] == "aws:cloudformation:stack"]
    templates = [json.loads((ASSEMBLY / stack["properties"]["templateFile"]).read_text()) for stack in stacks]
    account, region = stacks[0]["environment"].removeprefix("aws://").split("/")
    resources = sum(len(template["Resources"]) for template in templates)
    step.result = f"{len(stacks)} stacks with {resources} resources"
    return Assembly(stacks=len(stacks), resources=resources, account=account, region=region)


def deploy(step: Step, assembly: Assembly) -> mllocal.Engine:
    """Bring up the embedded AWS and deploy the very templates that were synthesized."""
    engine = mllocal.up(ROOT, account=assembly.account, region=assembly.region, progress=step.say)
    app, environment = ["--app", str(ASSEMBLY)], engine.environment()
    step.say("cdk bootstrap")
    cdk(["bootstrap", *app, f"aws://{assembly.account}/{assembly.region}"], step, environment)
    step.say("cdk deploy --all")
    cdk(["deploy", "--all", *app, "--require-approval", "never"], step, environment)
    step.result = f"{assembly.stacks} stacks deployed to the embedded AWS at {engine.endpoint_url}"
    return engine


def train(step: Step, engine: mllocal.Engine, history: Path) -> Mapping[str, float]:
    """Upload what was known when the week began, train on it, and return the metrics of the registered version."""
    sagemaker, s3 = engine.client("sagemaker"), engine.client("s3")
    upload(s3, history, default_input(sagemaker, TRAINING))
    steps = run_pipeline(step, sagemaker, TRAINING)
    package = sagemaker.describe_model_package(ModelPackageName=steps["RegisterModel"]["RegisterModel"]["Arn"])
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    metrics = {name: item["value"] for name, item in read_json(s3, statistics)["regression_metrics"].items()}
    rmse, baseline = metrics["rmse"], metrics["baseline_rmse"]
    version = f"{package['ModelPackageGroupName']} version {package['ModelPackageVersion']}"
    step.result = f"{version} registered: RMSE {rmse:.1f} against {baseline:.1f} of the baseline, on 8 test weeks"
    return metrics


def approve_and_forecast(step: Step, engine: mllocal.Engine, history: Path) -> dict[datetime, float]:
    """Approve the newest version, forecast the week with it, and read the published Parquet back."""
    sagemaker, s3 = engine.client("sagemaker"), engine.client("s3")
    newest = sagemaker.list_model_packages(
        ModelPackageGroupName="demand-forecast", SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["ModelPackageSummaryList"][0]["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=newest, ModelApprovalStatus="Approved")
    step.say(f"approved {newest.rsplit(':', 1)[-1]}")
    upload(s3, history, default_input(sagemaker, FORECAST))
    steps = run_pipeline(step, sagemaker, FORECAST)
    outputs = {item["Name"]: item["Value"] for item in steps["PublishManifest"]["Lambda"]["OutputParameters"]}
    output = read_json(s3, outputs["manifest_uri"])["output"]
    forecast = read_forecast(s3, output)
    step.result = f"{output['rows']} hours forecast, {len(output['files'])} Parquet files at {output['uri']}"
    return forecast


def show(step: Step, engine: mllocal.Engine, forecast: dict[datetime, float], origin: datetime) -> None:
    """Draw the forecast against what happened, and count the runs in MLflow."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    actual, baseline = actual_demand(origin), seasonal_naive(origin)
    draw_forecast(forecast, actual, baseline, RESULTS / "forecast.png")
    step.say(f"drew {RESULTS / 'forecast.png'}")
    write_csv(RESULTS / "forecast.csv", forecast, actual, baseline)
    model, naive = forecast_errors(forecast, actual), forecast_errors(baseline, actual)
    better = 1 - model.rmse / naive.rmse
    runs = wait_for_runs(step, engine)
    step.result = (
        f"week of {origin:%Y-%m-%d}: RMSE {model.rmse:.1f} against {naive.rmse:.1f} rentals per hour of the baseline "
        f"({better:+.0%} better), WAPE {model.wape:.1%} against {naive.wape:.1%}; {runs} runs in MLflow"
    )


def cdk(arguments: list[str], step: Step, environment: Mapping[str, str] | None = None) -> None:
    """Run the CDK CLI; say which stack is done. Raises DemoError with the end of what it printed when it fails."""
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
            elif progress := _DEPLOYED.match(line):
                step.tick("{} {} of {} resources".format(*progress.groups()))
    if process.returncode != 0:
        tail = "\n".join(printed[-LAST_LINES:])
        raise DemoError(f"`{' '.join(command)}` failed with exit code {process.returncode}:\n{tail}")


def default_input(sagemaker: Any, pipeline: str) -> str:
    """The S3 prefix that a deployed pipeline reads unless an execution says otherwise."""
    definition = json.loads(sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineDefinition"])
    defaults = {item["Name"]: item.get("DefaultValue") for item in definition["Parameters"]}
    return str(defaults["InputUri"])


def run_pipeline(step: Step, sagemaker: Any, pipeline: str) -> dict[str, Any]:
    """Run a pipeline to its end; return the metadata of its steps by name. Raises DemoError when it fails."""
    arn = sagemaker.start_pipeline_execution(PipelineName=pipeline)["PipelineExecutionArn"]
    said: set[tuple[str, str]] = set()
    status = "Executing"
    while status in {"Executing", "Stopping"}:
        time.sleep(0.2)
        status = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        steps = [item for page in pages for item in page["PipelineExecutionSteps"]]
        for item in steps:
            change = item["StepName"], item["StepStatus"]
            if change not in said:
                said.add(change)
                step.say(f"{pipeline}: {' '.join(change)}")
    if status != "Succeeded":
        failed = [
            f"{item['StepName']}: {item.get('FailureReason')}" for item in steps if item["StepStatus"] == "Failed"
        ]
        raise DemoError(f"{pipeline} {status.lower()}: {'; '.join(failed)}\nsee its logs with `mlp logs {pipeline}`")
    return {item["StepName"]: item.get("Metadata", {}) for item in steps}


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


def read_forecast(s3: Any, output: Mapping[str, Any]) -> dict[datetime, float]:
    """The forecast by hour, from the files that a manifest names."""
    hour, value = output["columns"][0], output["columns"][-1]
    forecast: dict[datetime, float] = {}
    for file in output["files"]:
        table = pq.read_table(io.BytesIO(read_object(s3, f"{output['uri'].rstrip('/')}/{file['path']}")))
        forecast.update(zip(table[hour].to_pylist(), table[value].to_pylist(), strict=True))
    return forecast


def write_csv(path: Path, *series: Mapping[datetime, float]) -> None:
    """The forecast beside what happened and the baseline, for a spreadsheet."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["hour", "forecast", "what_happened", "seasonal_naive"])
        for hour in sorted(series[0]):
            writer.writerow([hour.isoformat(), *(values.get(hour, "") for values in series)])


def wait_for_runs(step: Step, engine: mllocal.Engine) -> int:
    """How many runs MLflow has of the last executions. Events arrive late, so look until their number stays."""
    expected = {
        engine.client("sagemaker").list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"][0][
            "PipelineExecutionArn"
        ]
        for name in (TRAINING, FORECAST)
    }
    deadline = time.monotonic() + CAPTURE_SECONDS
    before, now = -1, 0
    while time.monotonic() < deadline and (now == 0 or now != before):
        time.sleep(0.5)
        before, now = now, len(captured_runs(engine, expected))
        step.say(f"MLflow has {now} runs of the two executions")
    if now == 0:
        raise DemoError(f"MLflow at {engine.mlflow_url} has no run of {', '.join(sorted(expected))}")
    return now


def captured_runs(engine: mllocal.Engine, executions: set[str]) -> list[Any]:
    """The runs of MLflow that belong to these executions."""

    def post(path: str, body: dict[str, Any]) -> Any:
        answer = urllib3.request("POST", f"{engine.mlflow_url}/api/2.0/mlflow/{path}", json=body, timeout=10)
        return json.loads(answer.data)

    experiments = [item["experiment_id"] for item in post("experiments/search", {"max_results": 100})["experiments"]]
    runs = post("runs/search", {"experiment_ids": experiments, "max_results": 1000}).get("runs", [])
    tags = ({tag["key"]: tag["value"] for tag in run["data"].get("tags", [])} for run in runs)
    return [one for one in tags if one.get("sagemaker.pipeline_execution_arn") in executions]


def main() -> int:
    """Tell the story; the exit code is 0 when all of it worked."""
    screen = Screen()
    origin = final_origin()
    try:
        with tempfile.TemporaryDirectory() as directory:
            history = Path(directory) / "history.csv"
            write_history(history, until=origin)
            with screen.step("synthesize") as step:
                assembly = synthesize(step)
            with screen.step("deploy") as step:
                engine = deploy(step, assembly)
            with screen.step("train") as step:
                train(step, engine, history)
            with screen.step("forecast") as step:
                forecast = approve_and_forecast(step, engine, history)
            with screen.step("show") as step:
                show(step, engine, forecast, origin)
    except (DemoError, mllocal.EngineError, BotoCoreError, ClientError) as error:
        screen.console.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        screen.console.print("interrupted; stop the embedded AWS with `mlp down`, or go on with `make demo`")
        return 130
    screen.summary()
    screen.console.print(
        f"\nThe chart is {RESULTS / 'forecast.png'}, its numbers are in forecast.csv beside it.\n"
        f"The embedded AWS goes on running: MLflow is at {engine.mlflow_url} (`.venv/bin/mlp ui` opens it),\n"
        "`.venv/bin/mlp status` shows what is deployed, `.venv/bin/mlp down` stops it.",
        soft_wrap=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
