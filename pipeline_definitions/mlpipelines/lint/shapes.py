"""Hold a JSON value against a botocore shape.

botocore's own `ParamValidator` checks types, required and unknown members and minima. This walk also checks
enumerated values, maxima and patterns, skips what SageMaker resolves at run time, and words what it finds as
sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from mlpipelines.expressions import JsonObject
from mlpipelines.lint.service_model import Shape
from mlpipelines.lint.words import advice, kind, quote
from mlpipelines.reading import is_expression

_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "long": "a whole number",
    "float": "a number",
    "double": "a number",
    "boolean": "true or false",
    "list": "a list",
    "structure": "an object",
    "map": "an object",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "list": (list, tuple),
    "structure": (dict,),
    "map": (dict,),
}
_CDK_TOKEN = re.compile(r"[$#]\{Token\[")


@dataclass(frozen=True, kw_only=True)
class ShapeChecker:
    """Checks the request of one step. `supplied` are members that SageMaker Pipelines fills in itself."""

    operation: str
    supplied: frozenset[str] = frozenset()
    parameters: Mapping[str, JsonObject] = field(default_factory=dict)

    def problems(self, value: object, shape: Shape, path: str = "") -> Iterator[str]:
        """What is wrong with a value, each sentence starting with the path of the member."""
        if is_expression(value):
            yield from self._parameter_problems(value, shape, path)
        elif value is None:
            return  # JSON null stands for a member that is left out
        elif not _has_type(value, shape.type_name):
            takes = f"{self.operation} takes {_TYPE_WORDS.get(shape.type_name, shape.type_name)}"
            yield f"{path or 'Arguments'} is {quote(value)}, which is {kind(value)}; {takes}"
        elif shape.type_name == "structure":
            yield from self._structure_problems(dict_of(value), shape, path)
        elif shape.type_name == "list":
            yield from self._size_problems(value, shape, path, "entries")
            for index, item in enumerate(list_of(value)):
                yield from self.problems(item, shape.member, f"{path}[{index}]")
        elif shape.type_name == "map":
            yield from self._size_problems(value, shape, path, "entries")
            for key, item in dict_of(value).items():
                yield from self.problems(key, shape.key, f"the key {quote(key)} of {path}")
                yield from self.problems(item, shape.value, f"{path}.{key}")
        else:
            yield from self._scalar_problems(value, shape, path)

    def _parameter_problems(self, value: object, shape: Shape, path: str) -> Iterator[str]:
        """An expression fits everywhere, but the type and the default of a parameter are known now."""
        target = dict_of(value).get("Get")
        name = target.removeprefix("Parameters.") if isinstance(target, str) else ""
        parameter = self.parameters.get(name, {}) if target == f"Parameters.{name}" else {}
        given, default = parameter.get("Type"), parameter.get("DefaultValue")
        if shape.type_name == "string" and given in ("Integer", "Float", "Boolean"):
            # CreatePipeline refuses it (aws/sagemaker-python-sdk#2631), so SDK 2 writes hyperparameters with to_string()
            # by itself (#2995); SDK 3 does not.
            yield (
                f"{path} is parameter '{name}' of type {given}, and {self.operation} takes text; SageMaker does not turn "
                f'it into text by itself: write {{"Std:Join": {{"On": "", "Values": [{{"Get": "{target}"}}]}}}}, '
                "which is .to_string() in the SDK"
            )
        elif default is not None and not isinstance(default, dict | list):
            yield from self.problems(default, shape, f"{path} (the default of parameter '{name}')")

    def _structure_problems(self, value: Mapping[str, object], shape: Shape, path: str) -> Iterator[str]:
        members: Mapping[str, Shape] = shape.members
        where = path or "Arguments"
        for name in shape.required_members:
            if value.get(name) is None and (path or name not in self.supplied):
                yield f"{where} has no {name}, which {self.operation} requires; add it"
        for name, item in value.items():
            if name not in members:
                hint = advice(name, members)
                yield f"{where} has {quote(name)}, which {self.operation} does not know; {hint}"
            else:
                yield from self.problems(item, members[name], f"{path}.{name}" if path else name)

    def _scalar_problems(self, value: object, shape: Shape, path: str) -> Iterator[str]:
        if isinstance(value, str):
            yield from self._text_problems(value, shape, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            low, high = shape.metadata.get("min"), shape.metadata.get("max")
            if (low is not None and value < low) or (high is not None and value > high):
                yield f"{path} is {quote(value)}; {self.operation} takes {_span(low, high)}"

    def _text_problems(self, value: str, shape: Shape, path: str) -> Iterator[str]:
        if _CDK_TOKEN.search(value):
            return  # known only when CloudFormation deploys
        choices = shape.metadata.get("enum")
        if choices:
            if value not in choices:
                hint = advice(value, choices)
                yield f"{path} is {quote(value)}, which {self.operation} does not take; {hint}"
            return
        too_long = list(self._size_problems(value, shape, path, "characters"))
        pattern = shape.metadata.get("pattern")
        if too_long:
            yield from too_long
        elif pattern and not _matches(pattern, value):
            yield f"{path} is {quote(value)}; {self.operation} takes text of the form {pattern}"

    def _size_problems(self, value: object, shape: Shape, path: str, unit: str) -> Iterator[str]:
        size = len(value) if isinstance(value, str | list | tuple | dict) else 0
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if (low is not None and size < low) or (high is not None and size > high):
            yield f"{path} has {size} {unit}; {self.operation} takes {_span(low, high)}"


def dict_of(value: object) -> Mapping[str, object]:
    """The value as an object; an empty one when it is something else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[object]:
    """The value as a list; an empty one when it is something else."""
    return list(value) if isinstance(value, list | tuple) else []


def _has_type(value: object, type_name: str) -> bool:
    if isinstance(value, bool):
        return type_name == "boolean"
    expected = _PYTHON_TYPES.get(type_name)
    # Blobs and timestamps have no fixed JSON form; no pipeline step takes a boolean that is not one.
    return isinstance(value, expected) if expected else type_name != "boolean"


def _span(low: float | None, high: float | None) -> str:
    if low is None or (low == 0 and high is not None):
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern, or `None` for the few that only Java's syntax has, such as `\\\\p{L}`."""
    if "${" in pattern:  # CustomerMetadataKey: a misplaced anchor that nothing could match
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None
