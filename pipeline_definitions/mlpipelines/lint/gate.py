"""The gate: each step's arguments against the input of the operation that SageMaker will call with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlpipelines.expressions import JsonObject
from mlpipelines.lint.definition import Check, Definition, member, objects
from mlpipelines.lint.service_model import Shape, input_shape, output_shape
from mlpipelines.lint.shapes import ShapeChecker
from mlpipelines.lint.words import advice, quote
from mlpipelines.reading import split_step_path


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The call behind a type of step, the members SageMaker Pipelines fills in, and what describes it."""

    create: str
    supplied: frozenset[str]
    describe: str | None = None


OPERATIONS = {
    "Processing": Operation(
        create="CreateProcessingJob",
        supplied=frozenset({"ProcessingJobName"}),
        describe="DescribeProcessingJob",
    ),
    "QualityCheck": Operation(create="CreateProcessingJob", supplied=frozenset({"ProcessingJobName"})),
    "ClarifyCheck": Operation(create="CreateProcessingJob", supplied=frozenset({"ProcessingJobName"})),
    "Training": Operation(
        create="CreateTrainingJob", supplied=frozenset({"TrainingJobName"}), describe="DescribeTrainingJob"
    ),
    "Tuning": Operation(create="CreateHyperParameterTuningJob", supplied=frozenset({"HyperParameterTuningJobName"})),
    "Transform": Operation(
        create="CreateTransformJob", supplied=frozenset({"TransformJobName"}), describe="DescribeTransformJob"
    ),
    "Model": Operation(create="CreateModel", supplied=frozenset({"ModelName"}), describe="DescribeModel"),
    "RegisterModel": Operation(
        create="CreateModelPackage", supplied=frozenset({"ModelPackageName"}), describe="DescribeModelPackage"
    ),
}

_ONE_OF: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("Training", (), ("AlgorithmSpecification", "ServerlessJobConfig")),
    ("Training", (), ("ResourceConfig", "ServerlessJobConfig")),
    ("Training", ("AlgorithmSpecification",), ("TrainingImage", "AlgorithmName")),
    ("Model", (), ("PrimaryContainer", "Containers")),
    ("Model", ("PrimaryContainer",), ("Image", "ModelPackageName")),
    ("Model", ("Containers",), ("Image", "ModelPackageName")),
    ("RegisterModel", (), ("ModelPackageGroupName", "ModelPackageName")),
)
"""Type of step, path, members of which the service wants one although its model marks neither as required."""

_SEGMENT = re.compile(r"\.?(?P<member>[^.\[\]]+)|\[(?P<index>[^\]]*)\]")


def arguments(definition: Definition) -> Iterator[str]:
    """Each step's arguments are what the operation takes."""
    for label, step in definition.labelled_steps():
        operation, request = _operation(step), step.get("Arguments")
        if operation is None or not isinstance(request, dict):
            continue
        checker = ShapeChecker(
            operation=operation.create, supplied=operation.supplied, parameters=definition.parameters
        )
        problems = checker.problems(request, input_shape(operation.create))
        yield from (f"{label}: {problem}" for problem in problems)
        if step.get("Type") == "RegisterModel" and "CertifyForMarketplace" in request:
            yield f"{label}: CertifyForMarketplace is not allowed in a pipeline; remove it"


def alternatives(definition: Definition) -> Iterator[str]:
    """Where the service wants one of several members, one is there."""
    for label, step in definition.labelled_steps():
        for step_type, path, names in _ONE_OF:
            if step.get("Type") == step_type and isinstance(step.get("Arguments"), dict):
                value = member(step, "Arguments", *path)
                for item in [value] if isinstance(value, dict) else objects(value):
                    if not any(item.get(name) is not None for name in names):
                        where = ".".join(path) or "Arguments"
                        yield f"{label}: {where} has neither {names[0]} nor {names[1]}; add one of them"


def properties(definition: Definition) -> Iterator[str]:
    """A property that a step refers to is among those with which the other step describes itself."""
    for label, _, expressions in definition.expressions:
        for expression in expressions:
            name, path = split_step_path(expression.get("Get")) or ("", "")
            place = definition.place_of.get(name)
            if place and not path.startswith("PropertyFiles."):
                yield from _property_problems(label, name, path, place.step)


def _property_problems(label: str, name: str, path: str, step: JsonObject) -> Iterator[str]:
    operation = _operation(step)
    if operation is None or operation.describe is None:
        return
    shape: Shape = output_shape(operation.describe)
    position = 0
    while position < len(path):
        segment = _SEGMENT.match(path, position)
        inner = _step_into(shape, segment) if segment else None
        if inner is None:
            wrong = segment["member"] or segment["index"] if segment else path[position:]
            known = shape.members if shape.type_name == "structure" else ()
            hint = advice(wrong, known) if known else f"it ends at {quote(path[:position])}"
            yield f"{label} refers to {quote(path)} of step '{name}', which has no {quote(wrong)}; {hint}"
            return
        shape, position = inner, segment.end() if segment else len(path)


def _step_into(shape: Shape, segment: re.Match[str]) -> Shape | None:
    if shape.type_name == "structure":
        members: Mapping[str, Shape] = shape.members
        return members.get(segment["member"] or "")
    if shape.type_name == "list":
        return shape.member if segment["index"] else None
    return shape.value if shape.type_name == "map" else None


def _operation(step: JsonObject) -> Operation | None:
    step_type = step.get("Type")
    return OPERATIONS.get(step_type) if isinstance(step_type, str) else None


CHECKS: tuple[Check, ...] = (
    arguments,
    alternatives,
    properties,
)
