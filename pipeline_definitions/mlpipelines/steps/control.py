"""Steps that run no job: ask a Lambda function or somebody, branch on conditions, end the execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mlpipelines.conditions import Condition
from mlpipelines.expressions import Get, JsonObject, ParameterType, Text, Value, to_json
from mlpipelines.options import CacheConfig
from mlpipelines.steps.base import Step


@dataclass(frozen=True, kw_only=True)
class _OutputParameter:
    name: str
    type: ParameterType = "String"

    def to_json(self) -> JsonObject:
        return {"OutputName": self.name, "OutputType": self.type}


class LambdaOutput(_OutputParameter):
    """A member of the JSON object that the function answers with."""


class CallbackOutput(_OutputParameter):
    """A value that comes with the answer to a callback."""


@dataclass(frozen=True, kw_only=True)
class _AskingStep(Step):
    inputs: Mapping[str, Value] = field(default_factory=dict)
    outputs: Sequence[_OutputParameter] = ()
    cache: CacheConfig | None = None

    def output(self, name: str) -> Get:
        """The output called `name`, once there is an answer."""
        return self.get(f"OutputParameters['{name}']")

    def request(self) -> JsonObject:
        return {name: to_json(self.inputs[name]) for name in sorted(self.inputs)}

    def to_json(self) -> JsonObject:
        step = super().to_json()
        if self.cache is not None:
            step["CacheConfig"] = self.cache.to_json()
        step["OutputParameters"] = [output.to_json() for output in self.outputs]
        return step


@dataclass(frozen=True, kw_only=True)
class LambdaStep(_AskingStep):
    """Calls a Lambda function with `inputs` as its event, and takes `outputs` out of what it answers.

    SageMaker waits at most 10 minutes, and the answer is a flat JSON object (developer guide, "Lambda step").
    """

    type: ClassVar[str] = "Lambda"

    function_arn: Text

    def to_json(self) -> JsonObject:
        return {**super().to_json(), "FunctionArn": to_json(self.function_arn)}


@dataclass(frozen=True, kw_only=True)
class CallbackStep(_AskingStep):
    """Sends a message with `inputs` and a token to an SQS queue, and waits until somebody answers with that token.

    The answer is SendPipelineExecutionStepSuccess, with `outputs`, or SendPipelineExecutionStepFailure, with the reason
    (developer guide, "Callback step").
    """

    type: ClassVar[str] = "Callback"

    sqs_queue_url: Text

    def to_json(self) -> JsonObject:
        return {**super().to_json(), "SqsQueueUrl": to_json(self.sqs_queue_url)}


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
