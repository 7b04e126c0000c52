"""What a pipeline that was made elsewhere may not bring along: other people's places, functions of @step, props that are none."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App

from mlpipelines import PipelineDefinitionError
from mlplatform import InvalidPropsError, MlProject, SageMakerPipeline
from mlplatform.pipeline.imported_session import ARTIFACT_BUCKET, DATA_BUCKET
from tests.unit.pipeline.made_elsewhere import ELSEWHERE, Sdk, definition, evaluate
from tests.unit.pipeline.synthesis import new_project


@pytest.fixture(scope="module")
def project() -> MlProject:
    return new_project(App(analytics_reporting=False))


def test_code_inside_a_longer_text_is_refused(project: MlProject) -> None:
    uri = f"s3://{ARTIFACT_BUCKET}/churn/train.py"
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    step["Arguments"]["Environment"] = {"COMMAND": f"fetch {uri} and run"}
    sdk = Sdk(definition(step))
    sdk.sagemaker_session.uploads = {uri: b"t"}

    with pytest.raises(InvalidPropsError, match=f"COMMAND: the uploaded {uri} stands inside a longer text"):
        SageMakerPipeline(project, "Inside", project=project, pipeline=sdk)


def test_everything_outside_the_project_is_told_at_once(project: MlProject) -> None:
    step = evaluate("s3://their-data/x", role=ELSEWHERE)
    register = {"Name": "Register", "Type": "RegisterModel", "Arguments": {"ModelPackageGroupName": "theirs"}}

    with pytest.raises(InvalidPropsError) as refused:
        SageMakerPipeline(project, "Outside", project=project, pipeline=definition(step, register))

    first, second, third = refused.value.problems
    assert first.startswith(f"step 'Evaluate', Arguments.RoleArn: role {ELSEWHERE} is of account 999988887777")
    assert second.startswith("step 'Evaluate', Arguments.ProcessingInputs.S3Input.S3Uri: bucket 'their-data' is not")
    assert third.startswith("step 'Register', Arguments.ModelPackageGroupName: model package group 'theirs' is not")


def test_a_bucket_whose_name_begins_as_a_placeholder_is_another_bucket(project: MlProject) -> None:
    with pytest.raises(InvalidPropsError, match=f"bucket '{DATA_BUCKET}-2' is not the project's"):
        SageMakerPipeline(project, "Longer", project=project, pipeline=definition(evaluate(f"s3://{DATA_BUCKET}-2/x")))


def test_a_bucket_in_a_join_is_seen(project: MlProject) -> None:
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    joined = {"Std:Join": {"On": "/", "Values": ["s3:/", "their-data", {"Get": "Execution.PipelineExecutionId"}]}}
    step["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = joined

    with pytest.raises(InvalidPropsError, match="bucket 'their-data' is not the project's"):
        SageMakerPipeline(project, "Joined", project=project, pipeline=definition(step))


def test_function_steps_are_refused(project: MlProject) -> None:
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    step["Arguments"]["AppSpecification"]["ContainerArguments"] = ["--s3_base_uri", f"s3://{ARTIFACT_BUCKET}/fn"]

    with pytest.raises(InvalidPropsError, match="step 'Evaluate' is a function of @step: the SDK signs it"):
        SageMakerPipeline(project, "Function", project=project, pipeline=definition(step))


def test_what_sagemaker_would_refuse_is_refused_at_synthesis(project: MlProject) -> None:
    step = evaluate(f"s3://{DATA_BUCKET}/x")
    step["Arguments"]["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.m5.huge"

    with pytest.raises(PipelineDefinitionError, match=r"ml\.m5\.huge"):
        SageMakerPipeline(project, "Huge", project=project, pipeline=definition(step))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"pipeline": "pipeline.json"},
            "pipeline is of type str; give an mlpipelines.Pipeline, a sagemaker SDK pipeline",
        ),
        ({"pipeline": definition(), "reads": ["bucket/x"]}, "reads has 'bucket/x'; use s3://<bucket>/<prefix>"),
    ],
)
def test_wrong_props_are_refused(project: MlProject, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidPropsError, match=sentence):
        SageMakerPipeline(project, "Wrong", project=project, **options)
