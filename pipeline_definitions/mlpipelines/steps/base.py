"""What every step of a pipeline has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from mlpipelines.expressions import Get, JsonObject
from mlpipelines.options import CacheConfig, RetryPolicy


@dataclass(frozen=True)
class StepDependency:
    """A step to wait for, or its name, and the end that it must come to: `StepDependency(train, "Failed")`.

    `Any` is any of the other three. An execution in which a step ran because another failed ends as `CompletedWithFailures`.
    """

    step: str | Step
    trigger: Literal["Completed", "Failed", "Stopped", "Any"] = "Completed"

    def to_json(self) -> str | JsonObject:
        name = self.step if isinstance(self.step, str) else self.step.name
        return name if self.trigger == "Completed" else {"Step": name, "Trigger": self.trigger}


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """A node of the pipeline's graph.

    A step runs once every step is done whose outputs it refers to, or that stands in `depends_on` (steps, names of steps,
    or a `StepDependency`). Names are unique in a pipeline, branches included: up to 64 letters, digits, `-` and `_`.
    """

    name: str
    depends_on: Sequence[str | Step | StepDependency] = ()
    display_name: str | None = None
    description: str | None = None
    type: ClassVar[str]

    @abstractmethod
    def request(self) -> JsonObject:
        """The step's `Arguments`: for a job, the request that SageMaker makes of its own API."""

    def to_json(self) -> JsonObject:
        """The step as it stands in a pipeline definition."""
        step: JsonObject = {"Name": self.name, "Type": self.type, "Arguments": self.request()}
        if self.depends_on:
            needs = [one if isinstance(one, StepDependency) else StepDependency(one) for one in self.depends_on]
            step["DependsOn"] = [need.to_json() for need in needs]
        if self.display_name is not None:
            step["DisplayName"] = self.display_name
        if self.description is not None:
            step["Description"] = self.description
        return step

    def get(self, path: str) -> Get:
        """The value at `path` in what the step describes itself as, such as `ProcessingJobArn`."""
        return Get(f"Steps.{self.name}.{path}")


@dataclass(frozen=True, kw_only=True)
class RetryableStep(Step):
    """A step that SageMaker can try again."""

    retry_policies: Sequence[RetryPolicy] = ()

    def to_json(self) -> JsonObject:
        step = super().to_json()
        if self.retry_policies:
            step["RetryPolicies"] = [policy.to_json() for policy in self.retry_policies]
        return step


@dataclass(frozen=True, kw_only=True)
class JobStep(RetryableStep):
    """A step that runs a job, and whose result can be cached."""

    cache: CacheConfig | None = None

    def to_json(self) -> JsonObject:
        step = super().to_json()
        if self.cache is not None:
            step["CacheConfig"] = self.cache.to_json()
        return step
