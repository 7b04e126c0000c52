"""Plain definitions for the tests of executions: steps and members that the typed steps do not have."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from mlpipelines import Step
from tests.local.workbench import ROLE, WAIT_SECONDS, Execution, Workbench

_Answer = TypeVar("_Answer")


def definition_of(*steps: Step | dict[str, Any], parameters: tuple[dict[str, Any], ...] = ()) -> str:
    """The JSON text of a definition."""
    plain = [step if isinstance(step, dict) else step.to_json() for step in steps]
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": list(parameters), "Steps": plain})


def create(workbench: Workbench, *steps: Step | dict[str, Any], name: str = "") -> str:
    """Create a pipeline of steps, typed or plain; returns its name."""
    name = name or workbench.bucket
    workbench.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=definition_of(*steps), RoleArn=ROLE)
    return name


def run(workbench: Workbench, *steps: Step | dict[str, Any]) -> Execution:
    """Create a pipeline of steps, start it and wait for its end."""
    return workbench.wait(workbench.start(create(workbench, *steps)))


def step_of(workbench: Workbench, execution_arn: str, name: str) -> dict[str, Any]:
    """What the API lists of a step now; empty when it has not started."""
    listed = workbench.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)
    found: list[dict[str, Any]] = [step for step in listed["PipelineExecutionSteps"] if step["StepName"] == name]
    return found[0] if found else {}


def until(ask: Callable[[], _Answer]) -> _Answer:
    """The first answer that says something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.02)
    raise TimeoutError("nothing happened")
