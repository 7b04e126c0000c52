"""Values that SageMaker Pipelines resolves while an execution runs: parameters, step properties, joins.

Source of the JSON forms: the SageMaker AI developer guide, "Pipelines", and what the `sagemaker` SDK renders.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object as `json.loads` makes it: what AWS reads, so its members are AWS's, not ours to type."""

ParameterType: TypeAlias = Literal["String", "Integer", "Float", "Boolean"]


class Expression(ABC):
    """A value known only when the pipeline runs."""

    @abstractmethod
    def to_json(self) -> JsonObject:
        """The expression as it stands in a pipeline definition."""


Value: TypeAlias = str | int | float | bool | Expression
Text: TypeAlias = str | Expression
Number: TypeAlias = int | Expression


@dataclass(frozen=True)
class Get(Expression):
    """The value at a path: `Steps.<step>.<path>`, `Parameters.<name>` or `Execution.<variable>`.

    Prefer the properties of the steps that build it: `train.model_artifacts`, `features.output_uri("train")`.
    """

    path: str

    def to_json(self) -> JsonObject:
        return {"Get": self.path}


@dataclass(frozen=True, kw_only=True)
class Parameter(Expression):
    """An input of the pipeline that each execution can set. It is also the expression that reads it.

    `default=None` makes it required at start. `enum_values` restricts what an execution may pass.
    """

    name: str
    type: ParameterType = "String"
    default: str | int | float | bool | None = None
    enum_values: Sequence[str | int | float] = ()

    def to_json(self) -> JsonObject:
        return {"Get": f"Parameters.{self.name}"}

    def declaration(self) -> JsonObject:
        """The entry of this parameter in the definition's `Parameters`."""
        declaration: JsonObject = {"Name": self.name, "Type": self.type}
        if self.default is not None:
            declaration["DefaultValue"] = self.default
        if self.enum_values:
            declaration["EnumValues"] = list(self.enum_values)
        return declaration


@dataclass(frozen=True, kw_only=True)
class Join(Expression):
    """The values as text with `on` between them: `Join(values=("s3:/", bucket, PIPELINE_EXECUTION_ID))`."""

    values: Sequence[Value]
    on: str = "/"

    def to_json(self) -> JsonObject:
        return {"Std:Join": {"On": self.on, "Values": [to_json(value) for value in self.values]}}


@dataclass(frozen=True, kw_only=True)
class JsonGet(Expression):
    """A value out of a property file, a JSON file that a processing step wrote.

    `path` is a JSONPath without the leading `$.`: `regression_metrics.rmse.value`.
    """

    step: str
    property_file: str
    path: str

    def to_json(self) -> JsonObject:
        source = {"Get": f"Steps.{self.step}.PropertyFiles.{self.property_file}"}
        return {"Std:JsonGet": {"PropertyFile": source, "Path": self.path}}


PIPELINE_EXECUTION_ID = Get("Execution.PipelineExecutionId")
PIPELINE_EXECUTION_ARN = Get("Execution.PipelineExecutionArn")
PIPELINE_NAME = Get("Execution.PipelineName")
START_DATE_TIME = Get("Execution.StartDateTime")
CURRENT_DATE_TIME = Get("Execution.CurrentDateTime")


def to_json(value: Value) -> str | int | float | bool | JsonObject:
    """A value as it stands in a definition: literals as they are, expressions as their JSON."""
    return value.to_json() if isinstance(value, Expression) else value


def to_text_json(value: Value) -> str | JsonObject:
    """A value where AWS takes only text (hyperparameters, environment, arguments).

    SageMaker Pipelines refuses a number where text is expected; a join of the one value makes it text.
    """
    is_text = not isinstance(value, JsonGet) and (not isinstance(value, Parameter) or value.type == "String")
    if isinstance(value, Expression) and not is_text:
        return Join(on="", values=(value,)).to_json()
    if isinstance(value, Expression):
        return value.to_json()
    return str(value)


def text_map(values: Mapping[str, Value]) -> JsonObject:
    """A map of text in the order of its keys, so that equal maps render to equal bytes."""
    return {key: to_text_json(values[key]) for key in sorted(values)}


def text_list(values: Iterable[Value]) -> list[str | JsonObject]:
    """A list of text, in the order given."""
    return [to_text_json(value) for value in values]


def without_none(**members: object) -> JsonObject:
    """The members that were given, expressions rendered."""
    return {
        name: value.to_json() if isinstance(value, Expression) else value
        for name, value in members.items()
        if value is not None
    }


def tag_list(tags: Mapping[str, Text]) -> list[JsonObject] | None:
    """Tags as AWS lists them, by key; `None` when there are none."""
    return [{"Key": key, "Value": to_json(tags[key])} for key in sorted(tags)] or None
