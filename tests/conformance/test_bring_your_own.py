"""The example of a pipeline that a team brings: synthesized without AWS, deployed by the CDK CLI, run to its end."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_cdk import App, Environment, Stack
from sklearn.datasets import load_breast_cancer

from examples.bring_your_own.project import define
from mlplatform import MlProject
from mlplatform.pipeline.imported_session import OfflineSessionError, make_session
from tests.conformance.conftest import ENGINE_PYTHON, REPOSITORY
from tests.conformance.sdk import REGION

ACCOUNT = "123456789012"
CDK = REPOSITORY / "node_modules" / ".bin" / "cdk"
STACK, PIPELINE = "byo-diagnosis", "diagnosis-diagnosis"


def synthesize(directory: Path) -> dict[str, Any]:
    """The example in a stack, synthesized; its template."""
    app = App(outdir=str(directory), analytics_reporting=False)
    stack = Stack(app, STACK, env=Environment(account=ACCOUNT, region=REGION))
    define(MlProject(stack, "Project", name="diagnosis", owner="diagnosis@example.com"))
    app.synth()
    template: dict[str, Any] = json.loads((directory / f"{STACK}.template.json").read_text())
    return template


@dataclass(frozen=True)
class Deployed:
    """The example in the engine."""

    directory: Path

    def cdk(self, *arguments: str) -> None:
        path = f"{Path(ENGINE_PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [str(CDK), *arguments, "--app", str(self.directory), "--no-notices", "--ci"],
            env={**os.environ, "PATH": path, "CDK_DISABLE_CLI_TELEMETRY": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]

    def bucket(self) -> str:
        answer = boto3.client("cloudformation").list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        (found,) = (
            item["PhysicalResourceId"]
            for item in answer
            if item["ResourceType"] == "AWS::S3::Bucket" and "ProjectData" in item["LogicalResourceId"]
        )
        return str(found)


@pytest.fixture(scope="module")
def deployed(engine: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    directory = tmp_path_factory.mktemp("assembly")
    synthesize(directory)
    made = Deployed(directory)
    made.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    made.cdk("deploy", "--all", "--require-approval", "never")
    table = load_breast_cancer(as_frame=True).frame.to_csv(index=False)
    boto3.client("s3").put_object(Bucket=made.bucket(), Key="diagnosis/table.csv", Body=table.encode())
    return made


@pytest.mark.parametrize(("bound", "status"), [("0.9", "Succeeded"), ("0.999", "Failed")])
def test_the_pipeline_runs_with_its_own_code(deployed: Deployed, bound: str, status: str) -> None:
    sagemaker = boto3.client("sagemaker")
    before = len(sagemaker.list_model_packages(ModelPackageGroupName="diagnosis")["ModelPackageSummaryList"])
    started = sagemaker.start_pipeline_execution(
        PipelineName=PIPELINE, PipelineParameters=[{"Name": "MinimumAccuracy", "Value": bound}]
    )

    arn = started["PipelineExecutionArn"]
    execution = _wait(sagemaker, arn)

    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert execution["PipelineExecutionStatus"] == status, steps
    after = sagemaker.list_model_packages(ModelPackageGroupName="diagnosis")["ModelPackageSummaryList"]
    assert len(after) - before == (1 if status == "Succeeded" else 0)


def test_two_syntheses_give_the_same_bytes(tmp_path: Path) -> None:
    assert synthesize(tmp_path / "a") == synthesize(tmp_path / "b")


def test_a_pipeline_that_calls_aws_while_it_is_defined_is_told_so() -> None:
    session = make_session(REGION, "group")

    with pytest.raises(OfflineSessionError, match="the pipeline calls SageMaker ListModelPackages while it is being"):
        session.sagemaker_client.list_model_packages(ModelPackageGroupName="group")


def _wait(sagemaker: Any, arn: str) -> dict[str, Any]:
    for _ in range(480):
        execution: dict[str, Any] = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            return execution
        time.sleep(0.25)
    raise TimeoutError(arn)
