"""What a step has while it runs, what it leaves, and how it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mllocal.execution.expressions import Values
from mllocal.sagemaker.service import Service, random_id
from mllocal.sagemaker.store import Document, Scope

STEP_NAME_IN_JOB_NAME_LENGTH = 20


class StepFailedError(Exception):
    """A step that failed, with SageMaker's reason. `exception_type` is what retry policies name, when there is such a type."""

    status = "Failed"

    def __init__(self, reason: str, exception_type: str | None = None) -> None:
        super().__init__(reason)
        self.exception_type = exception_type


class StepStoppedError(StepFailedError):
    """A step whose job was stopped, by whomever."""

    status = "Stopped"


@dataclass
class Result:
    """What a step leaves: what `ListPipelineExecutionSteps` shows, and what `Steps.<name>` stands for."""

    metadata: Document
    properties: Document = field(default_factory=dict)


@dataclass
class StepRun:
    """One attempt of a step of an execution. `announce` publishes the metadata as soon as there is something to show."""

    service: Service
    scope: Scope
    execution: Document
    step: dict[str, Any]
    values: Values
    announce: Callable[[Document], None]
    stopping: threading.Event

    @property
    def name(self) -> str:
        """The step's name."""
        name: str = self.step["Name"]
        return name

    def arguments(self) -> dict[str, Any]:
        """The step's arguments with every expression resolved."""
        resolved: dict[str, Any] = self.values.resolve(self.step.get("Arguments", {}))
        return resolved

    def resource_name(self) -> str:
        """A name in the form that SageMaker Pipelines gives to what its steps create.

        A step's name may have underscores, the name of a job or a model may not.
        """
        short = self.name[:STEP_NAME_IN_JOB_NAME_LENGTH].replace("_", "-").strip("-")
        return f"pipelines-{self.execution['PipelineExecutionId']}-{short}-{random_id(10)}"
