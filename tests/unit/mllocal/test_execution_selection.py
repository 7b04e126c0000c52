"""Which selections of steps can run, and what comes from the source execution."""

from __future__ import annotations

from typing import Any

import pytest

from mllocal.execution.graph import Node, nodes_of
from mllocal.execution.selection import reused_steps, selection_problems

SOURCE_ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abc"


def step(name: str, *depends_on: str) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": {}, "DependsOn": list(depends_on)}


def abalone() -> dict[str, Node]:
    decide = {
        "Name": "Decide",
        "Type": "Condition",
        "DependsOn": ["Evaluate"],
        "Arguments": {"Conditions": [], "IfSteps": [step("Register")], "ElseSteps": [step("Complain")]},
    }
    steps = [step("Process"), step("Train", "Process"), step("Evaluate", "Train"), decide]
    return nodes_of({"Steps": steps})


def source(**statuses: str) -> dict[str, Any]:
    steps = {name: {"StepStatus": status, "Properties": {"of": name}} for name, status in statuses.items()}
    if "Decide" in steps:
        steps["Decide"]["Properties"] = {"Outcome": "True"}
    return {"PipelineExecutionArn": SOURCE_ARN, "Steps": steps}


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (["Process", "Train"], None),
        (["Train", "Evaluate"], source(Process="Succeeded")),
        (["Register"], source(Decide="Succeeded")),
        (["Decide"], source(Evaluate="Succeeded", Train="Failed")),
    ],
)
def test_a_selection_whose_inputs_are_there_can_run(names: list[str], given: dict[str, Any] | None) -> None:
    assert selection_problems(abalone(), names, given) == []


@pytest.mark.parametrize(
    ("names", "given", "problem"),
    [
        (["Trian"], None, "selected step 'Trian' is not one of the pipeline's; it has Process, Train"),
        (["Process", "Process"], None, "step 'Process' is selected twice"),
        (
            ["Train"],
            None,
            "'Train' needs step 'Process', which is not selected; select it too or give SourcePipelineEx",
        ),
        (["Train"], source(), "'Train' needs step 'Process', which did not run in"),
        (["Train"], source(Process="Failed"), "'Train' needs step 'Process', which is Failed in"),
        (["Train", "Decide"], source(Process="Succeeded", Evaluate="Succeeded"), "step 'Evaluate' lies between"),
        (["Complain"], source(Decide="Succeeded"), "'Complain' is in a branch of 'Decide' that was not taken"),
    ],
)
def test_a_selection_that_cannot_run_is_refused_with_the_reason(
    names: list[str], given: dict[str, Any] | None, problem: str
) -> None:
    assert problem in "; ".join(selection_problems(abalone(), names, given))


def test_only_what_selected_steps_wait_for_comes_from_the_source_and_says_so() -> None:
    given = source(Process="Succeeded", Train="Succeeded", Evaluate="Succeeded", Decide="Succeeded")

    reused = reused_steps(abalone(), ["Evaluate", "Decide"], given)

    assert list(reused) == ["Train"]
    assert reused["Train"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": SOURCE_ARN}
    assert reused["Train"]["Properties"] == {"of": "Train"}
