"""Versions of a pipeline, and what can be changed of an execution."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.local.execution_steps import create, definition_of
from tests.local.workbench import Workbench, shell_step


def definition(workbench: Workbench, word: str) -> str:
    script = f"echo {word} > /opt/ml/processing/output/word"
    return definition_of(shell_step("Say", script, outputs=(workbench.output("said"),)))


def test_every_changed_definition_is_a_version_and_each_can_run(workbench: Workbench) -> None:
    sagemaker, name = workbench.sagemaker, create(workbench, shell_step("Say", "true"))
    second = sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition(workbench, "two"))
    unchanged = sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition(workbench, "two"))
    described = sagemaker.update_pipeline(PipelineName=name, PipelineDescription="says a word")
    third = sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition(workbench, "three"))

    numbers = [answer["PipelineVersionId"] for answer in (second, unchanged, described, third)]
    versions = sagemaker.list_pipeline_versions(PipelineName=name)["PipelineVersionSummaries"]
    started = sagemaker.start_pipeline_execution(PipelineName=name, PipelineVersionId=2)
    execution = workbench.wait(started["PipelineExecutionArn"])

    assert numbers == [2, 2, 2, 3]
    assert [version["PipelineVersionId"] for version in versions] == [3, 2, 1]
    assert workbench.get("said/word") == "two\n"
    assert execution.description["PipelineVersionId"] == 2
    ran = sagemaker.list_pipeline_versions(PipelineName=name, SortOrder="Ascending")["PipelineVersionSummaries"][1]
    assert ran["LastExecutionPipelineExecutionArn"] == execution.arn
    assert sagemaker.describe_pipeline(PipelineName=name)["LastRunTime"] == execution.description["CreationTime"]


def test_an_execution_runs_the_newest_version_unless_it_says_which(workbench: Workbench) -> None:
    name = create(workbench, shell_step("Say", "true"))
    workbench.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition(workbench, "two"))

    execution = workbench.wait(workbench.start(name))

    assert execution.description["PipelineVersionId"] == 2
    assert workbench.get("said/word") == "two\n"


def test_a_version_is_described_with_its_own_definition_and_words(workbench: Workbench) -> None:
    sagemaker, name = workbench.sagemaker, create(workbench, shell_step("Old", "true"))
    arn = sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition(workbench, "two"))["PipelineArn"]
    sagemaker.update_pipeline_version(
        PipelineArn=arn,
        PipelineVersionId=1,
        PipelineVersionDisplayName="the-first",
        PipelineVersionDescription="before it could speak",
    )

    old = sagemaker.describe_pipeline(PipelineName=name, PipelineVersionId=1)
    new = sagemaker.describe_pipeline(PipelineName=name)

    assert [json.loads(each["PipelineDefinition"])["Steps"][0]["Name"] for each in (old, new)] == ["Old", "Say"]
    assert old["PipelineVersionDisplayName"] == "the-first"
    assert old["PipelineVersionDescription"] == "before it could speak"
    assert "PipelineVersionDisplayName" not in new
    with pytest.raises(ClientError, match="has no version 3; it has versions 1 to 2") as missing:
        sagemaker.start_pipeline_execution(PipelineName=name, PipelineVersionId=3)
    assert missing.value.response["Error"]["Code"] == "ResourceNotFound"


def test_a_pipeline_made_again_starts_with_version_1(workbench: Workbench) -> None:
    name = create(workbench, shell_step("Say", "true"))
    workbench.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition(workbench, "two"))
    workbench.sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken="d" * 32)

    create(workbench, shell_step("Say", "true"))

    versions = workbench.sagemaker.list_pipeline_versions(PipelineName=name)["PipelineVersionSummaries"]
    assert [version["PipelineVersionId"] for version in versions] == [1]


def test_the_parallelism_of_an_execution_can_be_changed_while_it_runs(workbench: Workbench) -> None:
    steps = [shell_step(f"Step{number}", "sleep 0.2") for number in range(4)]
    name = create(workbench, *steps)
    limit = {"MaxParallelExecutionSteps": 1}
    started = workbench.sagemaker.start_pipeline_execution(PipelineName=name, ParallelismConfiguration=limit)

    workbench.sagemaker.update_pipeline_execution(
        PipelineExecutionArn=started["PipelineExecutionArn"],
        PipelineExecutionDisplayName="renamed",
        PipelineExecutionDescription="one, then the rest",
        ParallelismConfiguration={"MaxParallelExecutionSteps": 3},
    )
    execution = workbench.wait(started["PipelineExecutionArn"])

    assert execution.description["PipelineExecutionDisplayName"] == "renamed"
    assert execution.description["PipelineExecutionDescription"] == "one, then the rest"
    spans = sorted((step["StartTime"], step["EndTime"]) for step in execution.steps.values())
    assert spans[1][0] >= spans[0][1], "the first ran alone"
    assert spans[2][0] < spans[1][1], "the others together"


def test_never_more_steps_run_than_the_limit(workbench: Workbench) -> None:
    name = create(workbench, *(shell_step(f"Step{number}", "sleep 0.1") for number in range(5)))
    limit = {"MaxParallelExecutionSteps": 2}
    started = workbench.sagemaker.start_pipeline_execution(PipelineName=name, ParallelismConfiguration=limit)

    steps = workbench.wait(started["PipelineExecutionArn"]).steps.values()

    assert len(steps) == 5
    for step in steps:
        at_once = [other for other in steps if other["StartTime"] <= step["StartTime"] < other["EndTime"]]
        assert len(at_once) <= 2
