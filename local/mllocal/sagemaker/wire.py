"""Requests and answers against botocore's own model of an API, SageMaker's if none is named, so that neither can drift from AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.loaders
import botocore.model
import botocore.validate

from mllocal.errors import ApiError, validation

TARGET_PREFIX = "SageMaker."
SAGEMAKER = "sagemaker"


@cache
def service_model(service: str = SAGEMAKER) -> botocore.model.ServiceModel:
    """A service's description as botocore ships it."""
    description = botocore.loaders.Loader().load_service_model(service, "service-2")
    return botocore.model.ServiceModel(description, service)


def operation_model(name: str, service: str = SAGEMAKER) -> Any:
    """The model of one operation. Raises `ApiError` for a name the service does not have."""
    try:
        return service_model(service).operation_model(name)
    except botocore.model.OperationNotFoundError:
        raise ApiError("UnknownOperationException", f"{service} has no operation {name!r}") from None


def check_request(operation: str, request: dict[str, Any], service: str = SAGEMAKER) -> None:
    """Refuse a request that does not fit the operation's input shape; all its problems at once."""
    shape = operation_model(operation, service).input_shape
    if shape is None:
        return
    report = botocore.validate.ParamValidator().validate(request, shape)
    problems = [report.generate_report()] if report.has_errors() else list(constraint_problems(shape, request))
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise validation(f"{len(problems)} validation {noun} detected: " + "; ".join(problems))


def constraint_problems(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """Enum, length and pattern violations, which botocore leaves to the service."""
    match shape.type_name:
        case "structure":
            for name, member in shape.members.items():
                if name in value:
                    yield from constraint_problems(member, value[name], f"{path}.{name}".lstrip("."))
        case "list":
            for index, item in enumerate(value):
                yield from constraint_problems(shape.member, item, f"{path}[{index}]")
        case "map":
            for key, item in value.items():
                yield from constraint_problems(shape.value, item, f"{path}.{key}")
        case "string":
            yield from _string_problems(shape, value, path)


def _string_problems(shape: Any, value: str, path: str) -> Iterator[str]:
    where = f"Value '{value[:200]}' at '{path}' failed to satisfy constraint"
    if shape.enum and value not in shape.enum:
        yield f"{where}: Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    if len(value) > shape.metadata.get("max", len(value)):
        yield f"{where}: Member must have length less than or equal to {shape.metadata['max']}"
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield f"{where}: Member must satisfy regular expression pattern: {pattern}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(r"\p{L}", r"^\W\d_").replace(r"\p{Z}", r"\s").replace(r"\p{N}", r"\d"))


def _matches(pattern: str, value: str) -> bool:
    # The service's patterns are Java's; those with character classes Python lacks are left to AWS.
    return r"\p{" in pattern or r"\uD800" in pattern or _compiled(pattern).fullmatch(value) is not None


def answer(operation: str, document: dict[str, Any], service: str = SAGEMAKER) -> dict[str, Any]:
    """The part of a document that the operation's output shape has: stored documents may hold more than AWS shows."""
    shape = operation_model(operation, service).output_shape
    return {} if shape is None else project(shape, document)


def project(shape: Any, value: Any) -> Any:
    """`value` cut down to `shape`; members that are not set are left out, as AWS does."""
    match shape.type_name:
        case "structure":
            return {
                name: project(member, value[name])
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        case "list":
            return [project(shape.member, item) for item in value]
        case "map":
            return {key: project(shape.value, item) for key, item in value.items()}
        case _:
            return value
