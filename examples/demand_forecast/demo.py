"""The platform's main job, end to end on this machine: `make demo`.

Synthesizes the organization of platform.yaml, deploys it with the CDK CLI to the embedded AWS, trains the model,
approves it, forecasts a week that the model has not seen, and shows the forecast against what happened. All of it
goes through public interfaces: the CDK CLI, boto3, MLflow's REST API.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

import mllocal
from examples.demand_forecast.chart import draw_forecast
from examples.demand_forecast.demo_aws import (
    DemoError,
    Execution,
    default_input,
    read_json,
    read_object,
    run_cdk,
    run_pipeline,
    upload,
    wait_for_runs,
)
from examples.demand_forecast.demo_screen import Screen, Step
from examples.demand_forecast.history import actual_demand, forecast_errors, seasonal_naive, write_history

ROOT = Path.cwd()
ASSEMBLY = ROOT / "cdk.out"
RESULTS = ROOT / ".mlp" / "demo"
PROJECT = "demand-forecast"
TRAINING, FORECAST = f"{PROJECT}-training", f"{PROJECT}-weekly-forecast"
# The last week, Monday to Sunday, without a holiday. One year of data cannot teach what Christmas does to demand:
# `--origin 2011-12-25` shows that week, and that the model is then no better than the baseline.
ORIGIN = datetime(2011, 12, 12)


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """What `cdk synth` wrote."""

    stacks: int
    account: str
    region: str


def synthesize(step: Step) -> Assembly:
    """Synthesize the dev environment, without credentials."""
    run_cdk(["synth", "--quiet", "--context", "environment=dev", "--output", str(ASSEMBLY)], step)
    manifest = json.loads((ASSEMBLY / "manifest.json").read_text(encoding="utf-8"))
    stacks = [item for item in manifest["artifacts"].values() if item["type"] == "aws:cloudformation:stack"]
    templates = [ASSEMBLY / stack["properties"]["templateFile"] for stack in stacks]
    resources = sum(len(json.loads(template.read_text(encoding="utf-8"))["Resources"]) for template in templates)
    account, region = stacks[0]["environment"].removeprefix("aws://").split("/")
    step.result = f"{len(stacks)} stacks with {resources} resources"
    return Assembly(stacks=len(stacks), account=account, region=region)


def deploy(step: Step, assembly: Assembly) -> mllocal.Engine:
    """Bring up the embedded AWS and deploy the very templates that were synthesized."""
    engine = mllocal.up(ROOT, account=assembly.account, region=assembly.region, progress=step.say)
    app, environment = ["--app", str(ASSEMBLY)], engine.environment()
    step.say("cdk bootstrap")
    run_cdk(["bootstrap", *app, f"aws://{assembly.account}/{assembly.region}"], step, environment)
    step.say("cdk deploy --all")
    run_cdk(["deploy", "--all", *app, "--require-approval", "never", "--concurrency", "3"], step, environment)
    step.result = f"{assembly.stacks} stacks deployed to the embedded AWS at {engine.endpoint_url}"
    return engine


def train(step: Step, engine: mllocal.Engine, history: Path) -> Execution:
    """Upload what was known when the week began, and train on it; the model version is registered with its metrics."""
    sagemaker, s3 = engine.client("sagemaker"), engine.client("s3")
    upload(s3, history, default_input(sagemaker, TRAINING))
    execution = run_pipeline(step, sagemaker, TRAINING)
    arn = execution.steps["RegisterModel"]["RegisterModel"]["Arn"]
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    metrics = {name: item["value"] for name, item in read_json(s3, statistics)["regression_metrics"].items()}
    errors = _compared("RMSE", metrics["rmse"], metrics["baseline_rmse"])
    step.result = f"{PROJECT} version {package['ModelPackageVersion']} registered; on 8 test weeks {errors}"
    return execution


def approve_and_forecast(step: Step, engine: mllocal.Engine, history: Path) -> tuple[Execution, dict[datetime, float]]:
    """Approve the newest version, forecast the week with it, and read the published Parquet back."""
    sagemaker, s3 = engine.client("sagemaker"), engine.client("s3")
    newest = sagemaker.list_model_packages(
        ModelPackageGroupName=PROJECT, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["ModelPackageSummaryList"][0]
    sagemaker.update_model_package(ModelPackageArn=newest["ModelPackageArn"], ModelApprovalStatus="Approved")
    step.say(f"approved version {newest['ModelPackageVersion']}")
    upload(s3, history, default_input(sagemaker, FORECAST))
    execution = run_pipeline(step, sagemaker, FORECAST)
    manifest = read_json(s3, execution.output("PublishRun", "manifest_uri"))
    output, report = manifest["output"], read_json(s3, manifest["report_uri"])
    step.result = f"{output['rows']} hours at {output['uri']}"
    step.detail = looked_after(manifest, report, execution)
    return execution, read_forecast(s3, output)


def looked_after(manifest: Mapping[str, Any], report: Mapping[str, Any], execution: Execution) -> str:
    """What the run saw to by itself."""
    count, machine = (execution.output("PlanScoring", name) for name in ("instance_count", "instance_type"))
    cost = "cost unknown" if report["cost_usd"] is None else f"{report['cost_usd']:.4f} USD at list prices"
    drift = report["drift"]["predictions"]
    moved = "no earlier run of this model, so no drift"
    if drift["largest"] is not None:
        moved = f"predictions moved by {drift['largest']:.2f} (PSI) against run {drift['against']}"
    aside = manifest["output"]["set_aside"]
    return f"run {manifest['run_id']}: scored on {count} {machine}, {aside} rows set aside, {cost}, {moved}"


def read_forecast(s3: Any, output: Mapping[str, Any]) -> dict[datetime, float]:
    """The forecast by hour, from the files that a manifest names."""
    forecast: dict[datetime, float] = {}
    for file in output["files"]:
        table = pq.read_table(io.BytesIO(read_object(s3, f"{output['uri'].rstrip('/')}/{file['path']}")))
        forecast.update(zip(table["timestamp"].to_pylist(), table["forecast"].to_pylist(), strict=True))
    return forecast


def show(
    step: Step, engine: mllocal.Engine, forecast: Mapping[datetime, float], arns: set[str], origin: datetime
) -> None:
    """Draw the forecast against what happened, and see that MLflow has a run of everything that ran."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    actual, baseline = actual_demand(origin), seasonal_naive(origin)
    draw_forecast(forecast, actual, baseline, RESULTS / "forecast.png")
    write_csv(RESULTS / "forecast.csv", forecast, actual, baseline)
    step.say(f"drew {RESULTS / 'forecast.png'}")
    wait_for_runs(step, engine.mlflow_url, arns)
    errors = _compared("RMSE", forecast_errors(forecast, actual).rmse, forecast_errors(baseline, actual).rmse)
    step.result = f"week of {origin:%Y-%m-%d}: {errors}; {len(arns)} runs in MLflow"


def write_csv(path: Path, *series: Mapping[datetime, float]) -> None:
    """The forecast beside what happened and the baseline, for a spreadsheet."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["hour", "forecast", "what_happened", "seasonal_naive"])
        for hour in sorted(series[0]):
            writer.writerow([hour.isoformat(), *(values.get(hour, "") for values in series)])


def _compared(name: str, model: float, baseline: float) -> str:
    change = model / baseline - 1
    than = "less" if change < 0 else "more"
    return f"{name} {model:.1f} rentals per hour, {abs(change):.0%} {than} than the baseline's {baseline:.1f}"


def tell(screen: Screen, origin: datetime) -> mllocal.Engine:
    """The five steps."""
    with tempfile.TemporaryDirectory() as directory:
        history = Path(directory) / "history.csv"
        write_history(history, until=origin)
        with screen.step("synthesize") as step:
            assembly = synthesize(step)
        with screen.step("deploy") as step:
            engine = deploy(step, assembly)
        with screen.step("train") as step:
            trained = train(step, engine, history)
        with screen.step("forecast") as step:
            forecasted, forecast = approve_and_forecast(step, engine, history)
        with screen.step("show") as step:
            show(step, engine, forecast, trained.recorded_arns | forecasted.recorded_arns, origin)
    return engine


def main() -> int:
    """Tell the story; the exit code is 0 when all of it worked."""
    parser = argparse.ArgumentParser(description="Deploy, train, forecast a week of 2011 and show it.")
    parser.add_argument(
        "--origin", type=datetime.fromisoformat, default=ORIGIN, help="first hour to forecast (default %(default)s)"
    )
    origin = parser.parse_args().origin
    if not actual_demand(origin):
        parser.error(f"the data has nothing of the week from {origin}; use a date of 2011, such as {ORIGIN:%Y-%m-%d}")
    screen = Screen()
    try:
        engine = tell(screen, origin)
    except (DemoError, mllocal.EngineError, BotoCoreError, ClientError) as error:
        screen.console.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        screen.console.print("interrupted; go on with `make demo`, or stop the embedded AWS with `make down`")
        return 130
    screen.summary()
    screen.console.print(
        f"\nThe chart is {RESULTS / 'forecast.png'}, its numbers are in forecast.csv beside it.\n"
        f"The embedded AWS goes on running. MLflow is at {engine.mlflow_url}: `.venv/bin/mlp ui` opens it,\n"
        "`.venv/bin/mlp status` shows what is deployed, `.venv/bin/mlp down` stops it all.",
        soft_wrap=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
