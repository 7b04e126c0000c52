from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_sqs as sqs

from mlpipelines import (
    CallbackStep,
    FailStep,
    Join,
    LambdaStep,
    Parameter,
    Pipeline,
    PipelineDefinitionError,
    ProcessingStep,
)
from mlplatform import InvalidPropsError, MlProject, SageMakerPipeline, Schedule
from mlplatform.pipeline.naming import kebab_case
from mlplatform.policy import Statement
from tests.unit.pipeline.synthesis import Synthesized, flat, new_project, synthesize_project

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"


def define(project: MlProject) -> None:
    message = Join(values=(project.data_uri("x"), Parameter(name="Why", default="no")))
    fail = FailStep(name="Stop", message=message)
    pipeline = Pipeline(
        name="demo-stop",
        parameters=[Parameter(name="Why", default='said "no"')],
        steps=[fail],
        max_parallel_steps=3,
        description="Stops",
    )
    SageMakerPipeline(project, "Stop", project=project, pipeline=pipeline)


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize_project(tmp_path_factory.mktemp("out"), define)


@pytest.fixture(scope="module")
def project() -> MlProject:
    return new_project(App(analytics_reporting=False))


def test_tokens_in_the_definition_become_references(synthesized: Synthesized) -> None:
    definition = synthesized.definition("demo-stop")
    (data,) = (name for name in synthesized.resources("AWS::S3::Bucket") if name.startswith("ProjectData"))
    message = definition["Steps"][0]["Arguments"]["ErrorMessage"]
    assert message == {"Std:Join": {"On": "/", "Values": [f"s3://<{data}>/x", {"Get": "Parameters.Why"}]}}
    assert definition["Parameters"][0]["DefaultValue"] == 'said "no"'


def test_what_is_null_in_the_definition_is_null_in_the_template(synthesized: Synthesized) -> None:
    """A null says something: with PipelineExperimentConfig, that executions make no experiments of SageMaker's own."""
    definition = synthesized.definition("demo-stop")
    assert [name for name, value in definition.items() if value is None] == ["PipelineExperimentConfig"]


def test_executions_run_under_the_pipeline_role_with_the_parallelism_asked_for(synthesized: Synthesized) -> None:
    properties = synthesized.only("AWS::SageMaker::Pipeline")
    assert flat(properties["RoleArn"]).startswith("<ProjectPipelineRole")
    assert properties["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 3}
    assert {"Key": "project", "Value": "demo"} in properties["Tags"]


def test_a_pipeline_of_ours_gets_the_projects_key_tags_grants_and_schedule(tmp_path: Path) -> None:
    def define(project: MlProject) -> None:
        call = LambdaStep(name="Call", function_arn=FUNCTION)
        job = ProcessingStep(
            name="Job",
            image_uri=IMAGE,
            role_arn=project.training_job_role_arn,
            instance_type="ml.m5.large",
            depends_on=[call],
        )
        pipeline = Pipeline(name="demo-own", steps=[call, job])
        SageMakerPipeline(project, "Own", project=project, pipeline=pipeline, schedule=Schedule.rate(hours=6))

    made = synthesize_project(tmp_path, define)

    job = made.steps("demo-own")["Job"]["Arguments"]
    assert job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"].startswith("<ProjectKey")
    assert {"Key": "project", "Value": "demo"} in job["Tags"]
    schedule = made.only("AWS::Scheduler::Schedule")
    assert (schedule["Name"], schedule["ScheduleExpression"]) == ("demo-own", "rate(6 hours)")
    assert "DeadLetterConfig" in schedule["Target"]
    roles = json.dumps(made.resources("AWS::IAM::Role"))
    assert FUNCTION in roles
    assert "repository/own" in roles


def test_a_pipeline_of_ours_stays_in_the_project(project: MlProject) -> None:
    other = "arn:aws:iam::999988887777:role/team"
    job = ProcessingStep(name="Job", image_uri=IMAGE, role_arn=other, instance_type="ml.m5.large")

    with pytest.raises(InvalidPropsError, match="is of account 999988887777 and not one of the project's job roles"):
        SageMakerPipeline(project, "Other", project=project, pipeline=Pipeline(name="demo-other", steps=[job]))


def test_a_callback_to_a_queue_of_the_stack_needs_its_permission(project: MlProject) -> None:
    queue = sqs.CfnQueue(project, "Approvals")
    arn: str = queue.attr_arn
    ask = CallbackStep(name="Ask", sqs_queue_url=queue.ref)
    pipeline = Pipeline(name="demo-ask", steps=[ask])

    with pytest.raises(InvalidPropsError, match=r"step 'Ask', SqsQueueUrl: synthesis does not know the queue's ARN"):
        SageMakerPipeline(project, "Refused", project=project, pipeline=pipeline)
    project.pipeline_role.allow(Statement(sid="SendApprovals", actions=["sqs:SendMessage"], resources=[arn]))

    assert SageMakerPipeline(project, "Ask", project=project, pipeline=pipeline).definition.name == "demo-ask"


def test_the_arn_goes_through_the_resource(project: MlProject) -> None:
    stack = Stack.of(project)
    made = SageMakerPipeline(
        project, "Arn", project=project, pipeline=Pipeline(name="demo-arn", steps=[FailStep(name="F", message="m")])
    )
    arn = flat(stack.resolve(made.pipeline_arn))
    assert (
        arn == f"arn:<AWS::Partition>:sagemaker:us-east-1:123456789012:pipeline/<{stack.get_logical_id(made.resource)}>"
    )


def test_a_definition_that_sagemaker_would_refuse_is_refused_at_synthesis(project: MlProject) -> None:
    step = LambdaStep(
        name="Call", function_arn="arn:aws:lambda:us-east-1:123456789012:function:f", depends_on=["Nobody"]
    )
    with pytest.raises(PipelineDefinitionError, match="Nobody"):
        SageMakerPipeline(project, "Wrong", project=project, pipeline=Pipeline(name="demo-wrong", steps=[step]))


def test_a_definition_over_one_mebibyte_is_refused(project: MlProject) -> None:
    steps = [FailStep(name=f"F{number}", message="m" * 3000) for number in range(400)]
    with pytest.raises(InvalidPropsError, match="SageMaker takes 1,048,576: split the pipeline in two"):
        SageMakerPipeline(project, "Big", project=project, pipeline=Pipeline(name="demo-big", steps=steps))


@pytest.mark.parametrize(
    ("construct_id", "name"),
    [
        ("Training", "training"),
        ("WeeklyForecast", "weekly-forecast"),
        ("HTTPLogs2", "http-logs2"),
        ("my_batch", "my-batch"),
    ],
)
def test_names_follow_from_construct_ids(construct_id: str, name: str) -> None:
    assert kebab_case(construct_id) == name
