"""The values of a pipeline's parameters in one execution."""

from __future__ import annotations

import json
from typing import Any

from mllocal.errors import validation

_TYPES = {"String": str, "Integer": int, "Float": float}


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
    return [
        {"Name": name, "Value": value if isinstance(value, str) else json.dumps(value)}
        for name, value in values.items()
    ]


def _value(parameter: dict[str, Any], text: str | None) -> Any:
    name, kind = parameter["Name"], parameter["Type"]
    if text is None:
        if "DefaultValue" not in parameter:
            raise ValueError(f"parameter {name!r} has no default; give a value for it")
        return parameter["DefaultValue"]
    if parameter.get("EnumValues") and text not in parameter["EnumValues"]:
        raise ValueError(f"parameter {name!r} is {text!r}; use one of {', '.join(parameter['EnumValues'])}")
    if kind == "Boolean":
        if text.lower() not in ("true", "false"):
            raise ValueError(f"parameter {name!r} is {text!r}; use true or false")
        return text.lower() == "true"
    try:
        return _TYPES[kind](text)
    except ValueError:
        raise ValueError(f"parameter {name!r} is {text!r}, which is not of its type {kind}") from None
