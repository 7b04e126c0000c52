"""Checks of the pipeline's parameters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mlpipelines.expressions import JsonObject
from mlpipelines.lint.definition import Check, Definition, names_in, objects
from mlpipelines.lint.words import advice, quote

_PARAMETER_NAME = re.compile(r"[A-Za-z0-9\-_]{1,256}")
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}


def parameter_names(definition: Definition) -> Iterator[str]:
    """Each parameter has a name of its own."""
    entries = objects(definition.json.get("Parameters"))
    for number, entry in enumerate(entries, start=1):
        name = entry.get("Name")
        if not isinstance(name, str) or not name:
            yield f"parameter number {number} has Name {quote(name)}; give it a name"
        elif not _PARAMETER_NAME.fullmatch(name):
            yield f"parameter name {quote(name)} is not allowed; use up to 256 letters, digits, '-' and '_'"
    for name, count in Counter(names_in(entries, "Name")).items():
        if count > 1 and name:
            yield f"{count} parameters have the name '{name}'; use different names"


def parameter_types(definition: Definition) -> Iterator[str]:
    """Each parameter has a known type, and its default and enumerated values are of that type."""
    for name, entry in definition.parameters.items():
        given = entry.get("Type")
        types = _PYTHON_TYPES.get(given) if isinstance(given, str) else None
        if given is None:
            yield f"parameter '{name}' has no Type; {advice(None, _PYTHON_TYPES)}"
        elif types is None:
            yield f"parameter '{name}' has type {quote(given)}; {advice(given, _PYTHON_TYPES)}"
        else:
            yield from _value_problems(name, str(given), entry)


def _value_problems(name: str, type_name: str, entry: JsonObject) -> Iterator[str]:
    default = entry.get("DefaultValue")
    if default is not None and not _fits(default, type_name):
        yield f"parameter '{name}' has type {type_name} and the default {quote(default)}; use one type"
    choices = entry.get("EnumValues")
    if choices is None:
        return
    if not isinstance(choices, list) or not choices:
        yield f"parameter '{name}' has EnumValues {quote(choices)}; use a list of values"
        return
    for choice in choices:
        if not _fits(choice, type_name):
            yield f"parameter '{name}' has type {type_name} and {quote(choice)} in EnumValues; use one type"
    if default is not None and default not in choices:
        hint = advice(default, [str(choice) for choice in choices])
        yield f"parameter '{name}' has the default {quote(default)}, which is none of its EnumValues; {hint}"


def _fits(value: object, type_name: str) -> bool:
    if isinstance(value, bool):
        return type_name == "Boolean"
    return isinstance(value, _PYTHON_TYPES[type_name])


CHECKS: tuple[Check, ...] = (
    parameter_names,
    parameter_types,
)
