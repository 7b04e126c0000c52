"""Executions that go on from where they failed, and executions of some steps only."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlpipelines import ConditionStep, Equals, JsonGet, Parameter, ProcessingInput
from tests.local.execution_steps import create
from tests.local.workbench import Execution, Workbench, shell_step


def chain(workbench: Workbench) -> tuple[Any, ...]:
    """A step that counts its runs, one that fails until `allow` is there, and one that reads both."""
    first = shell_step("First", "date +%N > /opt/ml/processing/output/when", outputs=(workbench.output("first"),))
    second = shell_step(
        "Second",
        "test -e /opt/ml/processing/allowed/yes && echo second > /opt/ml/processing/output/second",
        inputs=(
            ProcessingInput(name="when", s3_uri=first.output_uri("output"), local_path="/opt/ml/processing/input"),
            ProcessingInput(name="allow", s3_uri=workbench.uri("allow/"), local_path="/opt/ml/processing/allowed"),
        ),
        outputs=(workbench.output("second"),),
    )
    third = shell_step(
        "Third",
        "cp /opt/ml/processing/input/second /opt/ml/processing/output/third",
        inputs=(ProcessingInput(name="s", s3_uri=second.output_uri("output"), local_path="/opt/ml/processing/input"),),
        outputs=(workbench.output("third"),),
    )
    return first, second, third


def retry(workbench: Workbench, arn: str, letter: str = "r") -> Execution:
    workbench.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=letter * 32)
    return workbench.wait(arn)


def start_selected(workbench: Workbench, name: str, *steps: str, source: str | None = None, **parameters: str) -> str:
    config: dict[str, Any] = {"SelectedSteps": [{"StepName": step} for step in steps]}
    if source:
        config["SourcePipelineExecutionArn"] = source
    started = workbench.sagemaker.start_pipeline_execution(
        PipelineName=name,
        SelectiveExecutionConfig=config,
        PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
    )
    arn: str = started["PipelineExecutionArn"]
    return arn


def test_a_retried_execution_runs_what_failed_and_keeps_what_succeeded(workbench: Workbench) -> None:
    workbench.put("allow/no", "")
    failed = workbench.wait(workbench.start(create(workbench, *chain(workbench))))
    written = workbench.get("first/when")
    workbench.put("allow/yes", "")

    retried = retry(workbench, failed.arn)

    assert failed.statuses == {"First": "Succeeded", "Second": "Failed"}
    assert failed.description["FailureReason"] == "Step failure: One or multiple steps failed: Second."
    assert retried.statuses == dict.fromkeys(("First", "Second", "Third"), "Succeeded")
    assert retried.status == "Succeeded"
    assert "FailureReason" not in retried.description
    assert retried.steps["First"] == failed.steps["First"]
    assert workbench.get("first/when") == written
    assert workbench.get("third/third") == "second\n"


def test_a_stopped_execution_can_be_retried_and_one_that_succeeded_cannot(workbench: Workbench) -> None:
    arn = workbench.start(create(workbench, shell_step("Sleep", "sleep 2")))
    workbench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    stopped = workbench.wait(arn)

    retried = retry(workbench, arn)
    same = retry(workbench, arn)
    with pytest.raises(ClientError, match="is Succeeded; only an execution that is Failed or Stopped") as refused:
        retry(workbench, arn, "q")

    assert [stopped.status, retried.status, same.status] == ["Stopped", "Succeeded", "Succeeded"]
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_retried_execution_takes_the_branch_that_was_taken(workbench: Workbench) -> None:
    workbench.put("allow/no", "")
    first, second, third = chain(workbench)
    score = workbench.json_step("Score", {"ok": 1})
    good = Equals(left=JsonGet(step="Score", property_file="report", path="ok"), right=1)
    condition = ConditionStep(
        name="IsGood", conditions=(good,), if_steps=(first, second, third), else_steps=(shell_step("Never", "true"),)
    )
    failed = workbench.wait(workbench.start(create(workbench, score, condition)))
    workbench.put("allow/yes", "")

    retried = retry(workbench, failed.arn)

    assert failed.status == "Failed"
    assert retried.status == "Succeeded"
    assert retried.statuses == dict.fromkeys(("Score", "IsGood", "First", "Second", "Third"), "Succeeded")
    assert retried.steps["IsGood"]["StartTime"] == failed.steps["IsGood"]["StartTime"]


def test_selected_steps_run_with_values_of_a_source_execution(workbench: Workbench) -> None:
    workbench.put("allow/yes", "")
    name = create(workbench, *chain(workbench))
    source = workbench.wait(workbench.start(name))
    written = workbench.get("first/when")

    selective = workbench.wait(start_selected(workbench, name, "Second", source=source.arn))

    assert selective.status == "Succeeded"
    assert selective.statuses == {"First": "Succeeded", "Second": "Succeeded"}
    assert selective.steps["First"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source.arn}
    assert selective.steps["First"]["Metadata"] == source.steps["First"]["Metadata"]
    assert "SelectiveExecutionResult" not in selective.steps["Second"]
    assert selective.steps["Second"]["StartTime"] > source.steps["Third"]["EndTime"]
    assert workbench.get("first/when") == written
    assert selective.description["SelectiveExecutionConfig"] == {
        "SourcePipelineExecutionArn": source.arn,
        "SelectedSteps": [{"StepName": "Second"}],
    }


def test_a_selected_step_takes_the_parameters_of_its_own_execution(workbench: Workbench) -> None:
    word = Parameter(name="Word", default="one")
    first = shell_step("First", "true")
    second = shell_step(
        "Second",
        'echo "$WORD" > /opt/ml/processing/output/word',
        environment={"WORD": word},
        outputs=(workbench.output("second"),),
        depends_on=("First",),
    )
    name = workbench.create_pipeline(first, second, parameters=(word,))
    source = workbench.wait(workbench.start(name, Word="two"))

    workbench.wait(start_selected(workbench, name, "Second", source=source.arn, Word="three"))

    assert workbench.get("second/word") == "three\n"


def test_a_selection_that_cannot_run_is_refused_when_it_is_started(workbench: Workbench) -> None:
    steps = [shell_step("First", "sleep 1"), shell_step("Second", "true", depends_on=("First",))]
    name = create(workbench, *steps)
    other = workbench.run(*steps)
    running = workbench.start(name)
    refusals = {
        "select it too or give SourcePipelineExecutionArn": {"steps": ["Second"]},
        "'Secnod' is not one of the pipeline's": {"steps": ["Secnod"]},
        "is of pipeline": {"steps": ["Second"], "source": other.arn},
        "is Executing; wait until it has ended": {"steps": ["Second"], "source": running},
    }

    for sentence, selection in refusals.items():
        chosen: Any = selection
        with pytest.raises(ClientError, match=sentence) as refused:
            start_selected(workbench, name, *chosen["steps"], source=chosen.get("source"))
        assert refused.value.response["Error"]["Code"] == "ValidationException"

    with pytest.raises(ClientError) as unknown:
        start_selected(workbench, name, "Second", source=running[:-12] + "0" * 12)
    assert unknown.value.response["Error"]["Code"] == "ResourceNotFound"
    workbench.wait(running)
    listed = workbench.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    assert [summary["PipelineExecutionArn"] for summary in listed] == [running]
