"""Steps that run no job: call a Lambda function, branch on conditions, end the execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mlpipelines.conditions import Condition
from mlpipelines.expressions import Get, JsonObject, ParameterType, Text, Value, to_json
from mlpipelines.options import CacheConfig
from mlpipelines.steps.base import Step


@dataclass(frozen=True, kw_only=True)
class LambdaOutput:
    """A member of the JSON object that the function answers with."""

    name: str
    type: ParameterType = "String"

    def to_json(self) -> JsonObject:
        return {"OutputName": self.name, "OutputType": self.type}


@dataclass(frozen=True, kw_only=True)
class LambdaStep(Step):
    """Calls a Lambda function with `inputs` as its event, and takes `outputs` out of what it answers.

    SageMaker waits at most 10 minutes, and the answer is a flat JSON object (developer guide, "Lambda step").
    """

    type: ClassVar[str] = "Lambda"

    function_arn: Text
    inputs: Mapping[str, Value] = field(default_factory=dict)
    outputs: Sequence[LambdaOutput] = ()
    cache: CacheConfig | None = None

    def output(self, name: str) -> Get:
        """The output called `name`, once the function has answered."""
        return self.get(f"OutputParameters['{name}']")

    def request(self) -> JsonObject:
        return {name: to_json(self.inputs[name]) for name in sorted(self.inputs)}

    def to_json(self) -> JsonObject:
        step = super().to_json()
        if self.cache is not None:
            step["CacheConfig"] = self.cache.to_json()
        step["FunctionArn"] = to_json(self.function_arn)
        step["OutputParameters"] = [output.to_json() for output in self.outputs]
        return step


@dataclass(frozen=True, kw_only=True)
class ConditionStep(Step):
    """Runs `if_steps` when all `conditions` hold, `else_steps` otherwise.

    The steps of a branch belong here, not also in the pipeline's own list.
    """

    type: ClassVar[str] = "Condition"

    conditions: Sequence[Condition]
    if_steps: Sequence[Step] = ()
    else_steps: Sequence[Step] = ()

    @property
    def outcome(self) -> Get:
        """Which way the step went: true or false."""
        return self.get("Outcome")

    def request(self) -> JsonObject:
        return {
            "Conditions": [condition.to_json() for condition in self.conditions],
            "IfSteps": [step.to_json() for step in self.if_steps],
            "ElseSteps": [step.to_json() for step in self.else_steps],
        }


@dataclass(frozen=True, kw_only=True)
class FailStep(Step):
    """Ends the execution as failed, with `message` as the reason."""

    type: ClassVar[str] = "Fail"

    message: Value

    def request(self) -> JsonObject:
        return {"ErrorMessage": to_json(self.message)}
