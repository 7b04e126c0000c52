"""Answers of the service against botocore's model of it, and requests made from that model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

_PLAIN: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
    "blob": (str,),
}

# What the service has; for the operations of which AWS's model names no error.
_ANY_CODE = {"ResourceNotFound", "ResourceInUse", "ResourceLimitExceeded", "ConflictException"}


def shape_problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """A line for each way in which a JSON value is not of a shape: members, types, required members, enums."""
    if isinstance(shape, StructureShape):
        yield from _structure_problems(value, shape, path)
    elif shape.type_name == "list":
        if not isinstance(value, list):
            yield f"{path} is {type(value).__name__}, not a list"
            return
        for index, item in enumerate(value):
            yield from shape_problems(item, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map":
        if not isinstance(value, dict):
            yield f"{path} is {type(value).__name__}, not a map"
            return
        for key, item in value.items():
            yield from shape_problems(item, shape.value, f"{path}[{key!r}]")
    elif not isinstance(value, _PLAIN[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path} is {value!r}, not a {shape.type_name}"
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{path} is {value!r}, which is none of {shape.enum}"


def _structure_problems(value: Any, shape: StructureShape, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} is {type(value).__name__}, not a structure"
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name} is required and not there"
    for name, item in value.items():
        if name not in shape.members:
            yield f"{path}.{name} is no member of {shape.name}"
        elif item is None:
            yield f"{path}.{name} is null; leave it out"
        else:
            yield from shape_problems(item, shape.members[name], f"{path}.{name}")


@dataclass
class Recorder:
    """Listens to a boto3 client: what every answer was, and what is wrong with it."""

    seen: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    errors: dict[str, set[str]] = field(default_factory=dict)

    def listen(self, client: Any) -> None:
        client.meta.events.register("before-parse.sagemaker", self._check)

    def _check(self, operation_model: OperationModel, response_dict: dict[str, Any], **_: object) -> None:
        name, body = operation_model.name, json.loads(response_dict["body"] or b"{}")
        if response_dict["status_code"] >= 300:
            if response_dict["status_code"] >= 500:
                self.problems.append(f"{name} fails with status {response_dict['status_code']}: {body}")
            self._check_error(operation_model, body)
            return
        self.seen[name] = self.seen.get(name, 0) + 1
        if operation_model.output_shape is not None:
            self.problems += shape_problems(body, operation_model.output_shape, name)

    def _check_error(self, operation: OperationModel, body: dict[str, Any]) -> None:
        code = str(body.get("__type", "")).rsplit("#", 1)[-1]
        self.errors.setdefault(operation.name, set()).add(code)
        modelled = {shape.name for shape in operation.error_shapes}
        allowed = (modelled or _ANY_CODE) | {"ValidationException"}
        if code not in allowed:
            self.problems.append(f"{operation.name} fails with {code!r}; AWS has {sorted(allowed)}: {body}")
        if not (body.get("message") or body.get("Message")):
            self.problems.append(f"{operation.name} fails with {code!r} and says nothing")


def smallest_request(shape: Shape | None, name: str = "") -> Any:
    """The smallest value of an input shape: required members only, naming things that do not exist."""
    if shape is None:
        return {}
    if isinstance(shape, StructureShape):
        return {member: smallest_request(shape.members[member], member) for member in shape.required_members}
    if shape.type_name == "list":
        least = shape.metadata.get("min", 0)
        return [smallest_request(shape.member, name) for _ in range(least)]
    if shape.type_name == "map":
        return {}
    if shape.type_name == "string":
        return _text(shape, name)
    return {"boolean": False, "timestamp": 0}.get(shape.type_name, max(1, shape.metadata.get("min", 1)))


def _text(shape: Shape, name: str) -> str:
    if shape.enum:
        return str(shape.enum[0])
    if name.endswith("RoleArn") or name == "RoleArn":
        return "arn:aws:iam::123456789012:role/missing"
    if name.endswith("Arn"):
        return "arn:aws:sagemaker:us-east-1:123456789012:pipeline/missing/execution/missing00000"
    if "Uri" in name or "S3" in name:
        return "s3://missing-bucket/key"
    return "missing-thing".ljust(shape.metadata.get("min", 1), "x")
