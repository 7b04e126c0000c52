"""The graph of an execution as the terminal shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from rich.console import Console

from mlp.graph import execution_graph
from mlp.model import definition_of, execution_of, step_of
from mlpipelines import ConditionStep, Equals, FailStep, Pipeline

NOW = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/shop/execution/abc"


def shown(status: str, *steps: dict[str, object]) -> list[str]:
    check = ConditionStep(
        name="Check",
        conditions=(Equals(left=1, right=1),),
        if_steps=(FailStep(name="Good", message="m"),),
        else_steps=(FailStep(name="Bad", message="m"),),
        depends_on=("Left", "Right"),
    )
    left, right = (FailStep(name=name, message="m", depends_on=("Start",)) for name in ("Left", "Right"))
    pipeline = Pipeline(name="shop", steps=(check, left, right, FailStep(name="Start", message="m")))
    graph = definition_of({"PipelineName": "shop", "PipelineDefinition": json.dumps(pipeline.definition())}).graph
    execution = execution_of({"PipelineExecutionArn": ARN, "PipelineExecutionStatus": status, "StartTime": START})
    console = Console(width=100, record=True)
    console.print(execution_graph(execution, [step_of(step) for step in steps], graph, now=NOW))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_a_step_stands_under_the_last_step_it_waits_for_and_branches_under_their_condition() -> None:
    succeeded = {"StepName": "Start", "StepStatus": "Succeeded", "StartTime": START, "EndTime": NOW}
    runs = {"StepName": "Left", "StepStatus": "Executing", "StartTime": NOW}

    assert shown("Executing", succeeded, runs) == [
        "shop/abc  Executing  30 s",
        "Start  Succeeded  30 s",
        "├── Left  Executing  0.0 s",
        "└── Right  waiting",
        "    └── Check  waiting  (also after Left)",
        "        ├── if true: Good  waiting",
        "        └── if false: Bad  waiting",
    ]


def test_steps_that_an_ended_execution_never_began_are_marked_so() -> None:
    assert "└── Right  not run" in shown("Failed")
