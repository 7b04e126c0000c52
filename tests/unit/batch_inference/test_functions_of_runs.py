"""The functions of batch inference: what they are told, and what they may do."""

from __future__ import annotations

import json
import re

import pytest

from mlplatform.project.limits import MAX_INSTANCE_TYPES
from model_registry import ModelKind
from runs.settings import Overlap as OverlapRead
from tests.unit.batch_inference.two_pipelines import (
    ENVIRONMENT_LIMIT,
    FULL,
    LONGEST_VALUE,
    PLAIN,
    PLAIN_ID,
    role,
    settings,
    statements_of,
    variables,
)
from tests.unit.pipeline.synthesis import Synthesized, flat


def test_functions_read_what_was_said(both: Synthesized) -> None:
    read = settings(both, f"{FULL}-controller")
    assert (read.pipeline_name, read.model.kind, read.overlap) == (
        FULL,
        ModelKind.CHAMPION_CHALLENGER,
        OverlapRead.REPLACE,
    )
    assert read.failure.max_attempts == 2
    assert read.deadline is not None
    assert read.deadline.time == "06:00"
    assert read.max_runtime_seconds == 2 * 3600
    assert read.state_uri.endswith(f"/run-state/{FULL}.json")
    plain = settings(both, f"{PLAIN}-begin-run")
    assert (plain.model.kind, plain.overlap, plain.deadline) == (ModelKind.NEWEST_APPROVED, OverlapRead.WAIT, None)
    assert plain.time_zone == "America/New_York"


def test_only_the_controller_plans_its_next_look(both: Synthesized) -> None:
    looking = [name for name in variables(both) if settings(both, name).next_look is not None]
    assert looking == [f"{PLAIN}-controller", f"{FULL}-controller"]
    look = settings(both, f"{PLAIN}-controller").next_look
    assert look is not None
    assert look.group_name == f"{PLAIN}-controller"
    assert look.role_arn.startswith(f"<{PLAIN_ID}ControllerWaker")


def test_the_environment_of_functions_fits_into_what_lambda_takes(both: Synthesized) -> None:
    """With as many instance types as a project may have, every option, and the longest that AWS may fill in."""
    found = variables(both)
    assert len(found) == 8
    for name, environment in found.items():
        assert len(json.loads(environment["RUNS"])["ladder"]["rungs"]) == MAX_INSTANCE_TYPES
        filled = re.sub(r"<[A-Za-z0-9.]+>", "x" * LONGEST_VALUE, "".join(f"{k}{v}" for k, v in environment.items()))
        assert len(filled) <= ENVIRONMENT_LIMIT, name


KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
S3 = {"s3:GetObject", "s3:ListBucket", "s3:PutObject"}
FUNCTIONS = {
    "BeginRun": {"s3:ListBucketVersions", "sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"},
    "PlanScoring": set[str](),
    "PublishRun": {
        "cloudwatch:PutMetricData",
        "s3:PutObjectTagging",
        "sagemaker:DescribeProcessingJob",
        "sagemaker:ListPipelineExecutionSteps",
    },
    "ControllerFunction": {
        "cloudwatch:PutMetricData",
        "iam:PassRole",
        "kms:DescribeKey",
        "sagemaker:DescribePipelineExecution",
        "sagemaker:ListPipelineExecutionSteps",
        "sagemaker:StartPipelineExecution",
        "sagemaker:StopPipelineExecution",
        "scheduler:CreateSchedule",
        "scheduler:UpdateSchedule",
        "sns:Publish",
        "sqs:SendMessage",
    },
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_it_needs_and_no_more(both: Synthesized, function: str) -> None:
    """tests/access holds this against what the functions really call."""
    statements = statements_of(role(both, f"{PLAIN_ID}{function}Role"))
    allowed = {action for found in statements.values() for action in found["Action"]}
    assert allowed == FUNCTIONS[function] | KEY | LOG | S3


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_only_what_is_its_pipelines(both: Synthesized, function: str) -> None:
    statements = statements_of(role(both, f"{PLAIN_ID}{function}Role"))
    written = [flat(arn) for it in statements.values() if "s3:PutObject" in it["Action"] for arn in it["Resource"]]
    assert written
    for arn in written:
        assert re.search(rf">/({PLAIN}/[a-z]+[/.]|run-state/{PLAIN}\.json$)", arn), arn


def test_only_a_controllers_own_schedules_may_have_the_waker(both: Synthesized) -> None:
    statements = statements_of(role(both, f"{PLAIN_ID}ControllerFunctionRole"))
    (schedule,) = statements["LookAgain"]["Resource"]
    assert flat(schedule).endswith(f":schedule/{PLAIN}-controller/next-look")
    (waker,) = statements["PassTheWaker"]["Resource"]
    assert flat(waker).startswith(f"<{PLAIN_ID}ControllerWaker")
    woken = statements_of(role(both, f"{PLAIN_ID}ControllerWaker"))["WakeTheController"]["Resource"]
    assert [flat(arn).rpartition(":")[2] for arn in woken] == [f"{PLAIN}-controller"]


def test_the_pipelines_may_call_the_functions_of_steps_and_no_controller(both: Synthesized) -> None:
    invoke = statements_of(role(both, "ProjectPipelineRole"))["InvokeFunctions"]
    steps = [
        f"<{logical_id}.Arn>"
        for logical_id, function in both.resources("AWS::Lambda::Function").items()
        if not function["FunctionName"].endswith(("-controller", "-plan-start"))
    ]
    assert sorted(flat(arn) for arn in invoke["Resource"]) == sorted(steps)


def test_jobs_keep_working_files_of_these_pipelines_and_nothing_else_among_the_artifacts(
    both: Synthesized,
) -> None:
    statement = statements_of(role(both, "ProjectInferenceJobRole"))["WriteWorkingFiles"]
    written = [flat(arn).partition(">/")[2] for arn in statement["Resource"]]
    assert written == [f"{PLAIN}/*", f"{FULL}/*", f"{FULL}-quality/*"]


def test_logs_of_functions_are_encrypted_and_expire(both: Synthesized) -> None:
    groups = both.resources("AWS::Logs::LogGroup").values()
    assert {
        it["LogGroupName"].removeprefix(f"/aws/lambda/{PLAIN}-") for it in groups if PLAIN in it["LogGroupName"]
    } == {
        "begin-run",
        "controller",
        "plan-scoring",
        "publish-run",
    }
    assert all(group["RetentionInDays"] == 90 and "KmsKeyId" in group for group in groups)
