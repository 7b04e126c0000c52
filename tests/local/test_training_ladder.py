"""A training job that needs more memory than its machine has: the platform trains again on a larger one, and remembers."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlplatform import InstanceLadder, Metric, SourceDirectory, TrainingPipeline, TrainingResources
from tests.local.deployed_project import DeployedProject, deploy
from tests.local.workbench import WAIT_SECONDS, Execution, Workbench

SMALL, LARGE = "ml.t3.medium", "ml.m5.large"  # 4 GiB and 8 GiB.
SCRIPTS = {
    "validate.py": "",
    "features.py": """
        import sys, pathlib
        for directory in (sys.argv[4], sys.argv[6]):
            pathlib.Path(directory, "data.csv").write_text("1")
    """,
    "train.py": """
        import argparse, os, pathlib, time
        parser = argparse.ArgumentParser()
        parser.add_argument("--pieces", type=int)
        pieces = [b"x" * 2**28 for _ in range(parser.parse_args().pieces)]
        time.sleep(2)
        pathlib.Path(os.environ["SM_MODEL_DIR"], "model").write_text(str(len(pieces)))
    """,
    "evaluate.py": """
        import sys, json, pathlib
        report = {"regression_metrics": {"rmse": {"value": 1.0}}}
        pathlib.Path(sys.argv[4], "evaluation.json").write_text(json.dumps(report))
    """,
}


def write(directory: Path, scripts: Mapping[str, str]) -> Path:
    directory.mkdir()
    for name, script in scripts.items():
        (directory / name).write_text(inspect.cleandoc(script) + "\n")
    return directory


def deploy_pipeline(workbench: Workbench, directory: Path, project_name: str) -> DeployedProject:
    jobs = write(directory / "jobs", SCRIPTS)
    project = deploy(
        workbench,
        directory / "cdk.out",
        project_name,
        lambda project: TrainingPipeline(
            project,
            "Training",
            source=SourceDirectory(jobs),
            input_prefix="raw/",
            hyperparameters={"pieces": 18},  # 4.5 GiB.
            register_when=Metric("rmse").below(50),
            training=TrainingResources(ladder=InstanceLadder.of(SMALL, LARGE)),
        ),
    )
    project.put("raw/data.csv", "1")
    return project


def test_after_a_job_ran_out_of_memory_the_platform_trains_on_a_larger_machine_and_remembers(
    workbench: Workbench, tmp_path: Path
) -> None:
    if psutil.virtual_memory().available < 7 * 1024**3:
        pytest.skip("this machine has not the 7 GiB to pass the limit of ml.t3.medium; unit tests show the decisions")
    deploy_pipeline(workbench, tmp_path, "climb")
    other_data = workbench.put("other/data.csv", "2").removesuffix("data.csv")

    failed = workbench.wait(workbench.start("climb-training", InputUri=other_data))
    again = workbench.wait(execution_besides(workbench, failed.arn))
    later = workbench.wait(workbench.start("climb-training", pieces="1"))

    assert "with more memory" in failed.reason("Train")
    assert again.status == "Succeeded", {name: step.get("FailureReason") for name, step in again.steps.items()}
    assert [machine_of(workbench, one) for one in (failed, again, later)] == [SMALL, LARGE, LARGE]
    assert parameters_of(workbench, again) == {**parameters_of(workbench, failed), "Attempt": "2"}
    assert parameters_of(workbench, failed)["InputUri"] == other_data
    assert "4 GiB were too little before" in answer_of(later)["reason"]
    assert len(executions(workbench, "pipeline/climb-training")) == 3
    large, small = usage_known(workbench, 2)
    assert 18 * 2**28 < large["peak_memory_bytes"] < 1.3 * 18 * 2**28
    assert small["peak_memory_bytes"] < 2**30


def test_where_aws_has_no_capacity_the_platform_trains_on_another_type(workbench: Workbench, tmp_path: Path) -> None:
    deploy_pipeline(workbench, tmp_path, "scarce")
    pipeline = workbench.sagemaker.describe_pipeline(PipelineName="scarce-training")
    definition = json.loads(pipeline["PipelineDefinition"])
    (train,) = (step for step in definition["Steps"] if step["Name"] == "Train")
    train["Arguments"]["Environment"] = {"MLP_FAULT": f"capacity:{SMALL}"}
    workbench.sagemaker.update_pipeline(
        PipelineName="scarce-training", PipelineDefinition=json.dumps(definition), RoleArn=pipeline["RoleArn"]
    )

    failed = workbench.wait(workbench.start("scarce-training", pieces="1"))
    again = workbench.wait(execution_besides(workbench, failed.arn))

    assert "CapacityError" in failed.reason("Train")
    assert again.status == "Succeeded", {name: step.get("FailureReason") for name, step in again.steps.items()}
    assert machine_of(workbench, again) == LARGE
    assert f"no capacity of {SMALL} a while ago" in answer_of(again)["reason"]


def executions(workbench: Workbench, pipeline_arn: str) -> list[str]:
    found = workbench.sagemaker.list_pipeline_executions(PipelineName=pipeline_arn.rpartition("/")[2])
    return [one["PipelineExecutionArn"] for one in found["PipelineExecutionSummaries"]]


def execution_besides(workbench: Workbench, known: str) -> str:
    """The ARN of the execution that nobody here has started."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        started = [arn for arn in executions(workbench, known.partition("/execution/")[0]) if arn != known]
        if started:
            (arn,) = started
            return arn
        time.sleep(0.2)
    raise TimeoutError(f"no execution was started within {WAIT_SECONDS} seconds of the failure of {known}")


def machine_of(workbench: Workbench, execution: Execution) -> str:
    name = execution.steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = workbench.sagemaker.describe_training_job(TrainingJobName=name)
    instance_type: str = job["ResourceConfig"]["InstanceType"]
    return instance_type


def parameters_of(workbench: Workbench, execution: Execution) -> dict[str, str]:
    found = workbench.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=execution.arn)
    return {given["Name"]: given["Value"] for given in found["PipelineParameters"]}


def answer_of(execution: Execution) -> dict[str, str]:
    outputs = execution.steps["PlanTraining"]["Metadata"]["Lambda"]["OutputParameters"]
    return {output["Name"]: output["Value"] for output in outputs}


def usage_known(workbench: Workbench, records: int) -> list[dict[str, Any]]:
    """What the platform remembers of the memory that jobs used, once so many records are there."""
    client = workbench.engine.client
    settings = client("lambda").get_function_configuration(FunctionName="climb-training-watch-training")["Environment"]
    bucket, _, key = json.loads(settings["Variables"]["TRAINING"])["state_uri"].removeprefix("s3://").partition("/")
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        state = json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        usage: list[dict[str, Any]] = state["memory"]["usage"]
        if len(usage) == records:
            return usage
        time.sleep(0.2)
    raise TimeoutError(f"the state has not come to {records} records of usage within {WAIT_SECONDS} seconds: {state}")
