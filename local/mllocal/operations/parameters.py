"""The values of a pipeline's parameters in one execution."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from mllocal.errors import validation

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def parameter_values(definition: dict[str, Any], given: list[dict[str, str]]) -> dict[str, Any]:
    """Every parameter's value for one execution: what was given, else the default. Raises with all problems at once."""
    declared = {parameter["Name"]: parameter for parameter in definition.get("Parameters") or []}
    texts = {parameter["Name"]: parameter["Value"] for parameter in given}
    problems = [
        f"parameter {name!r} is not one of the pipeline's; it has {', '.join(declared) or 'none'}"
        for name in texts
        if name not in declared
    ]
    values: dict[str, Any] = {}
    for name, parameter in declared.items():
        try:
            values[name] = _value(parameter, texts.get(name))
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        raise validation("; ".join(problems))
    return values


def parameter_texts(values: dict[str, Any]) -> list[dict[str, str]]:
    """Values as the API lists them."""
    return [{"Name": name, "Value": _text_of(value)} for name, value in values.items()]


def _value(parameter: dict[str, Any], text: str | None) -> Any:
    name, kind = parameter["Name"], parameter["Type"]
    if text is None:
        if parameter.get("DefaultValue") is None:
            raise ValueError(f"parameter {name!r} has no default; give a value for it")
        return parameter["DefaultValue"]
    try:
        value = _PARSERS[kind](text)
    except ValueError:
        raise ValueError(f"parameter {name!r} is {text!r}, which is not of its type {kind}") from None
    choices = parameter.get("EnumValues") or [value]
    if value not in choices:
        raise ValueError(f"parameter {name!r} is {text!r}; use one of {', '.join(map(_text_of, choices))}")
    return value


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    value = float(text) if _FLOAT.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


_PARSERS: dict[str, Callable[[str], Any]] = {"String": str, "Integer": _integer, "Float": _float, "Boolean": _boolean}
