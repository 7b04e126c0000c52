"""Pipeline executions on the embedded AWS, seen through boto3."""

from __future__ import annotations

import random
import time

import pytest
from botocore.exceptions import ClientError

from mlpipelines import (
    PIPELINE_EXECUTION_ID,
    ConditionStep,
    FailStep,
    GreaterThan,
    Join,
    JsonGet,
    Parameter,
    ProcessingInput,
)
from tests.local.workbench import Workbench, shell_step


def test_a_step_reads_what_the_step_before_it_wrote(workbench: Workbench) -> None:
    first = shell_step("First", "echo 21 > /opt/ml/processing/output/n", outputs=(workbench.output("first"),))
    second = shell_step(
        "Second",
        "echo $(( $(cat /opt/ml/processing/input/n) * 2 )) > /opt/ml/processing/output/n",
        inputs=(ProcessingInput(name="n", s3_uri=first.output_uri("output"), local_path="/opt/ml/processing/input"),),
        outputs=(workbench.output("second"),),
    )

    execution = workbench.run(second, first)  # written in the wrong order: the reference decides

    assert execution.status == "Succeeded"
    assert workbench.get("second/n") == "42\n"
    assert execution.steps["First"]["EndTime"] <= execution.steps["Second"]["StartTime"]


@pytest.mark.parametrize(("score", "status", "steps"), [(3, "Succeeded", {"Then"}), (1, "Failed", {"Otherwise"})])
def test_a_condition_runs_one_branch_only(workbench: Workbench, score: int, status: str, steps: set[str]) -> None:
    condition = ConditionStep(
        name="IsGood",
        conditions=(
            GreaterThan(left=JsonGet(step="Evaluate", property_file="report", path="metrics.score.value"), right=2),
        ),
        if_steps=(shell_step("Then", "true"),),
        else_steps=(FailStep(name="Otherwise", message=Join(on=" ", values=("score", "is", "low"))),),
    )
    evaluate = workbench.json_step("Evaluate", {"metrics": {"score": {"value": score}}})

    execution = workbench.run(evaluate, condition)

    assert execution.status == status
    assert execution.steps.keys() - {"Evaluate", "IsGood"} == steps
    assert execution.steps["IsGood"]["Metadata"]["Condition"]["Outcome"] == str(score > 2)
    assert score > 2 or execution.reason("Otherwise") == "score is low"


def test_parameters_and_execution_variables_reach_a_step(workbench: Workbench) -> None:
    greeting = Parameter(name="Greeting", default="hello")
    times = Parameter(name="Times", type="Integer", default=1)
    step = shell_step(
        "Say",
        'echo "$WORDS" > /opt/ml/processing/output/said',
        environment={"WORDS": Join(on=" ", values=(greeting, times, PIPELINE_EXECUTION_ID))},
        outputs=(workbench.output("said"),),
    )

    execution = workbench.run(step, parameters=(greeting, times), Greeting="good morning")

    assert workbench.get("said/said") == f"good morning 1 {execution.arn.rsplit('/', 1)[-1]}\n"


def test_wrong_parameters_are_refused_all_at_once(workbench: Workbench) -> None:
    times = Parameter(name="Times", type="Integer", default=1)
    color = Parameter(name="Color", default="red", enum_values=("red", "blue"))
    name = workbench.create_pipeline(shell_step("Say", "true"), parameters=(times, color))

    with pytest.raises(ClientError) as refused:
        workbench.start(name, Times="many", Color="green", Size="XL")

    message = refused.value.response["Error"]["Message"]
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert "'Size' is not one of the pipeline's; it has Times, Color" in message
    assert "'Times' is 'many', which is not of its type Integer" in message
    assert "'Color' is 'green'; use one of red, blue" in message


def test_a_crashed_step_fails_the_execution_with_its_words_and_leaves_no_output(workbench: Workbench) -> None:
    crash = shell_step(
        "Crash",
        "echo half > /opt/ml/processing/output/half; echo 'disk is on fire' >&2; exit 7",
        outputs=(workbench.output("crash"),),
    )
    after = shell_step("After", "true", depends_on=("Crash",))

    execution = workbench.run(crash, after)

    assert execution.status == "Failed"
    assert execution.statuses == {"Crash": "Failed"}
    assert execution.reason("Crash") == "AlgorithmError: disk is on fire, exit code: 7"
    assert "Crash" in execution.description["FailureReason"]
    assert workbench.keys("crash") == []


def test_steps_that_do_not_depend_on_each_other_run_at_once(workbench: Workbench) -> None:
    # Each waits for a file that only the other writes: they end only if both run.
    def partner(name: str, other: str) -> str:
        directory = f"/tmp/{workbench.bucket}"  # noqa: S108 - shared on purpose: the steps meet there
        return (
            f"mkdir -p {directory}; touch {directory}/{name}; n=0; "
            f"while [ ! -e {directory}/{other} ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done; test -e {directory}/{other}"
        )

    execution = workbench.run(shell_step("Left", partner("l", "r")), shell_step("Right", partner("r", "l")))

    assert execution.statuses == {"Left": "Succeeded", "Right": "Succeeded"}


def test_a_stopped_execution_ends_its_job_and_starts_nothing_more(workbench: Workbench) -> None:
    first = shell_step("Sleep", "sleep 60")
    name = workbench.create_pipeline(first, shell_step("After", "true", depends_on=("Sleep",)))
    arn = workbench.start(name)
    while not workbench.sagemaker.list_processing_jobs(NameContains=arn.rsplit("/", 1)[-1])["ProcessingJobSummaries"]:
        time.sleep(0.05)

    workbench.sagemaker.stop_pipeline_execution(
        PipelineExecutionArn=arn, ClientRequestToken="stop-" + arn.rsplit("/", 1)[-1].ljust(40, "0")
    )
    execution = workbench.wait(arn)

    assert execution.status == "Stopped"
    assert execution.statuses == {"Sleep": "Stopped"}


def test_an_execution_stopped_at_any_moment_ends(workbench: Workbench) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    name = workbench.create_pipeline(shell_step("Sleep", "sleep 60"))
    for _ in range(8):
        arn = workbench.start(name)
        time.sleep(moments.uniform(0, 0.15))
        workbench.sagemaker.stop_pipeline_execution(
            PipelineExecutionArn=arn, ClientRequestToken=f"stop-{arn[-12:]}".ljust(40, "0")
        )

        execution = workbench.wait(arn)

        assert execution.status == "Stopped"
        assert set(execution.statuses.values()) <= {"Stopped"}


def test_the_same_client_request_token_starts_one_execution(workbench: Workbench) -> None:
    name = workbench.create_pipeline(shell_step("Once", "true"))
    token = "t" * 40

    first, second = (
        workbench.sagemaker.start_pipeline_execution(PipelineName=name, ClientRequestToken=token) for _ in range(2)
    )

    assert first["PipelineExecutionArn"] == second["PipelineExecutionArn"]
    executions = workbench.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    assert len(executions) == 1
    workbench.wait(first["PipelineExecutionArn"])


def test_a_pipeline_with_a_running_execution_cannot_be_deleted(workbench: Workbench) -> None:
    name = workbench.create_pipeline(shell_step("Sleep", "sleep 1"))
    arn = workbench.start(name)

    with pytest.raises(ClientError, match="has an execution that runs"):
        workbench.sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken="d" * 32)

    workbench.wait(arn)
    workbench.sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken="d" * 32)
    with pytest.raises(ClientError) as gone:
        workbench.sagemaker.describe_pipeline(PipelineName=name)
    assert gone.value.response["Error"]["Code"] == "ResourceNotFound"
