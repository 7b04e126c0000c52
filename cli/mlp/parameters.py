"""`--param NAME=VALUE` checked against what a pipeline declares, before anything is started. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlp.errors import bad_input, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlp.model import Definition, ParameterSpec


def parse_parameters(given: Sequence[str], definition: Definition) -> dict[str, str]:
    """The parameters to send, as SageMaker takes them: names and strings.

    Raises CliError (bad input) with every problem at once: a text that is not NAME=VALUE, a name given
    twice or not declared, a value of the wrong type or outside the enumeration, a parameter without
    default left out.
    """
    specs = {spec.name: spec for spec in definition.parameters}
    values: dict[str, str] = {}
    problems: list[str] = []
    for text in given:
        name, separator, value = text.partition("=")
        if not separator or not name:
            problems.append(f"'{text}' is not NAME=VALUE")
        elif name in values:
            problems.append(f"parameter '{name}' is given twice")
        elif name not in specs:
            problems.append(_unknown(name, specs))
        else:
            values[name] = value
            problems.extend(_type_problems(specs[name], value))
    missing = [spec.name for spec in definition.parameters if not spec.has_default and spec.name not in values]
    problems.extend(f"parameter '{name}' has no default and was not given" for name in missing)
    if problems:
        raise bad_input(problems, fix=describe_parameters(definition))
    return values


def describe_parameters(definition: Definition) -> str:
    """One sentence that lists a pipeline's parameters with type, default and allowed values."""
    if not definition.parameters:
        return f"pipeline '{definition.pipeline_name}' takes no parameters"
    listed = "; ".join(_describe(spec) for spec in definition.parameters)
    return f"pipeline '{definition.pipeline_name}' takes {listed}"


def _describe(spec: ParameterSpec) -> str:
    default = f"default {spec.default!r}" if spec.has_default else "required"
    values = f", one of {_listed(spec)}" if spec.enum_values else ""
    return f"{spec.name} ({spec.type}, {default}{values})"


def _unknown(name: str, specs: dict[str, ParameterSpec]) -> str:
    near = nearest(name, specs)
    hint = f" (did you mean '{near}'?)" if near else ""
    return f"there is no parameter '{name}'{hint}"


def _type_problems(spec: ParameterSpec, value: str) -> list[str]:
    if not _has_type(spec.type, value):
        return [f"parameter '{spec.name}' is {_TYPE_NAMES[spec.type]}, got '{value}'"]
    if spec.enum_values and value not in {_as_sent(allowed) for allowed in spec.enum_values}:
        return [f"parameter '{spec.name}' is one of {_listed(spec)}, got '{value}'"]
    return []


_TYPE_NAMES = {
    "Integer": "an Integer (for example 3)",
    "Float": "a Float (for example 0.5)",
    "Boolean": "a Boolean (true or false)",
}


def _has_type(type_name: str, value: str) -> bool:
    if type_name == "Boolean":
        return value in {"true", "false"}
    convert = {"Integer": int, "Float": float}.get(type_name)
    if convert is None:
        return True
    try:
        convert(value)
    except ValueError:
        return False
    return True


def _as_sent(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(spec: ParameterSpec) -> str:
    return ", ".join(_as_sent(value) for value in spec.enum_values)
