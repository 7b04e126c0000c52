"""What `Get`, `Std:Join` and `Std:JsonGet` mean in one execution."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mllocal.errors import ApiError

_PATH_PART = re.compile(r"\.?(?P<name>[A-Za-z0-9_-]+)|\[(?P<index>\d+)\]|\[(?P<quote>['\"])(?P<key>.*?)(?P=quote)\]")
_KEY_FIELDS = ("OutputName", "InputName", "ChannelName", "MetricName", "Name")


class UnresolvedError(ApiError):
    """An expression that has no value in this execution."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


@dataclass
class Values:
    """The values an execution has so far: parameters, execution variables, and what finished steps produced.

    `steps` maps a step's name to what `Steps.<name>` stands for (the answer of its Describe operation);
    `read_json` fetches and parses an S3 object (for property files).
    """

    parameters: dict[str, Any]
    execution: dict[str, Any]
    read_json: Callable[[str], Any]
    property_files: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        """`value` with every expression in it replaced by what it stands for. Raises `UnresolvedError`."""
        match value:
            case {"Get": str(path), **rest} if not rest:
                return self._get(path)
            case {"Std:Join": {"On": str(separator), "Values": list(parts)}}:
                return separator.join(_text(self.resolve(part)) for part in parts)
            case {"Std:JsonGet": dict(arguments)}:
                return self._json_get(arguments)
            case dict():
                return {key: self.resolve(item) for key, item in value.items()}
            case list():
                return [self.resolve(item) for item in value]
            case _:
                return value

    def _get(self, path: str) -> Any:
        root, _, rest = path.partition(".")
        match root:
            case "Parameters":
                return _lookup(self.parameters, rest, path)
            case "Execution":
                return _lookup(self.execution, rest, path)
            case "Steps":
                step, _, attribute = rest.partition(".")
                if step not in self.steps:
                    raise UnresolvedError(f"{path!r} has no value: step {step!r} did not run in this execution")
                return _lookup(self.steps[step], attribute, path)
            case _:
                raise UnresolvedError(f"{path!r} is not a pipeline variable; use Parameters, Execution or Steps")

    def _json_get(self, arguments: dict[str, Any]) -> Any:
        uri = self._json_uri(arguments)
        path: str = arguments["Path"]
        return _lookup(self.read_json(uri), path.removeprefix("$"), f"{path} of {uri}")

    def _json_uri(self, arguments: dict[str, Any]) -> str:
        if "S3Uri" in arguments:
            uri: str = self.resolve(arguments["S3Uri"])
            return uri
        step, name = self._property_file(arguments["PropertyFile"])
        output_name, file_path = self.property_files[step, name]
        prefix = _lookup(
            self.steps.get(step, {}),
            f"ProcessingOutputConfig.Outputs['{output_name}'].S3Output.S3Uri",
            f"Steps.{step}",
        )
        return f"{prefix.rstrip('/')}/{file_path}"

    def _property_file(self, reference: Any) -> tuple[str, str]:
        path = reference["Get"] if isinstance(reference, dict) else str(reference)
        _, step, _, name = path.split(".", 3)
        return step, name


def _lookup(document: Any, path: str, whole: str) -> Any:
    """The value at a path such as `A.B[0].C['key']`; a string key also selects a list item by its name field."""
    position = 0
    current = document
    while position < len(path):
        part = _PATH_PART.match(path, position)
        if part is None:
            raise UnresolvedError(f"{whole!r} is not a path that can be read, at {path[position:]!r}")
        current = _member(current, part, whole)
        position = part.end()
    return current


def _member(current: Any, part: re.Match[str], whole: str) -> Any:
    index, key = part["index"], part["name"] or part["key"]
    try:
        if index is not None:
            return current[int(index)]
        if isinstance(current, list):
            return next(item for item in current if key in (item.get(field) for field in _KEY_FIELDS))
        return current[key]
    except (KeyError, IndexError, TypeError, StopIteration, AttributeError):
        raise UnresolvedError(f"{whole!r} has no value: nothing is at {part[0]!r}") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
