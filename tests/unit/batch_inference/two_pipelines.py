"""Two batch-inference pipelines of one project, one that says nothing but its schedule, and one with every option."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Stack

from mlpipelines.instance_types import INSTANCE_TYPES
from mlplatform import (
    BatchInference,
    ChampionChallenger,
    CheckAction,
    Column,
    DataChecks,
    Deadline,
    Failure,
    FailurePolicy,
    GroundTruth,
    JobLimits,
    MlProject,
    NewData,
    Overlap,
    PipelineSucceeded,
    Retry,
    RunPolicy,
    Schedule,
    Scoring,
    SourceDirectory,
    StartOn,
)
from mlplatform.project.limits import MAX_INSTANCE_TYPES
from runs.settings import Settings
from tests.unit.pipeline.synthesis import ACCOUNT, REGION, Json, Synthesized, flat, synthesize

PLAIN, FULL = "demo-weekly-forecast", "demo-everything"
PLAIN_ID, FULL_ID = "ProjectWeeklyForecast", "ProjectEverything"
LONGEST_VALUE = 128  # Of what CloudFormation fills in here, longer than any bucket, key, role or topic of ours is.
ENVIRONMENT_LIMIT = 4096  # AWS Lambda quotas: all environment variables of a function together.


def longest_types() -> tuple[str, ...]:
    """As many types as a project may have, with the longest names."""
    without_gpus = [name for name, kind in INSTANCE_TYPES.items() if not kind.gpus]
    return tuple(sorted(without_gpus, key=len)[-MAX_INSTANCE_TYPES:])


def synthesize_both(directory: Path, source: SourceDirectory) -> Synthesized:
    """Their template."""
    app = App(outdir=str(directory), analytics_reporting=False)
    stack = Stack(app, "stack", env=Environment(account=ACCOUNT, region=REGION))
    limits = JobLimits(instance_types=longest_types())
    project = MlProject(stack, "Project", name="demo", owner="team@example.com", limits=limits)
    BatchInference(
        project,
        "WeeklyForecast",
        source=source,
        input_prefix="history/",
        keys=[Column("store", "string"), Column("timestamp", "timestamp")],
        predictions=[Column("forecast", "double")],
        schedule=Schedule.cron("0 3 ? * MON *", time_zone="America/New_York"),
    )
    BatchInference(
        project,
        "Everything",
        source=source,
        input_prefix="sales/%Y/%m/%d/",
        model=ChampionChallenger(tolerance=0.05),
        start_on=StartOn(events=[NewData(prefix="sales/"), PipelineSucceeded(pipeline_name="demo-ingest")]),
        runs=RunPolicy(
            overlap=Overlap.REPLACE,
            failure=FailurePolicy(retry=Retry.ALL, max_attempts=2, never=list(Failure)),
            deadline=Deadline(time="06:00", time_zone="America/Argentina/ComodRivadavia"),
        ),
        checks=DataChecks(input=CheckAction.SET_ASIDE),
        ground_truth=GroundTruth(prefix="sold/", keys=["timestamp"], target="sold", prediction="prediction"),
        scoring=Scoring(max_hours=2, part_rows=1000, json_lines=True),
    )
    return synthesize(app, directory)


def only(found: dict[str, Json], start: str) -> Json:
    """The only resource whose logical id begins so."""
    (resource,) = (it for name, it in found.items() if re.fullmatch(f"{start}[0-9A-F]{{8}}", name))
    return resource


def role(synthesized: Synthesized, start: str) -> Json:
    return only(synthesized.resources("AWS::IAM::Role"), start)


def statements_of(role: Json) -> dict[str, Json]:
    return {found["Sid"]: found for found in role["Policies"][0]["PolicyDocument"]["Statement"]}


def variables(synthesized: Synthesized) -> dict[str, dict[str, str]]:
    """The environment of each function that reads RUNS, by its name."""
    return {
        function["FunctionName"]: {name: flat(value) for name, value in function["Environment"]["Variables"].items()}
        for function in synthesized.resources("AWS::Lambda::Function").values()
        if "RUNS" in function.get("Environment", {}).get("Variables", {})
    }


def settings(synthesized: Synthesized, function: str) -> Settings:
    return Settings.from_json(json.loads(variables(synthesized)[function]["RUNS"]))


def answer(step: str, name: str) -> Json:
    return {"Get": f"Steps.{step}.OutputParameters['{name}']"}


def under(step: str, name: str, below: str) -> Json:
    return {"Std:Join": {"On": "/", "Values": [answer(step, name), below]}}


def inputs(step: Json) -> dict[str, Json]:
    return {it["InputName"]: it["S3Input"] for it in step["Arguments"]["ProcessingInputs"]}


def outputs(step: Json) -> dict[str, Json]:
    return {it["OutputName"]: it["S3Output"] for it in step["Arguments"]["ProcessingOutputConfig"]["Outputs"]}


def argument(step: Json, name: str) -> Any:
    given = step["Arguments"]["AppSpecification"]["ContainerArguments"]
    return given[given.index(name) + 1]
