"""Checks of the conditions of condition steps."""

from __future__ import annotations

from collections.abc import Iterator

from mlpipelines.expressions import JsonObject
from mlpipelines.lint.definition import Check, Definition
from mlpipelines.lint.words import advice, kind, quote
from mlpipelines.reading import is_expression

_ORDERINGS = ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")
OPERATORS = ("Equals", *_ORDERINGS, "In", "Not", "Or")


def conditions(definition: Definition) -> Iterator[str]:
    """A condition step has conditions, each with a known operator and the operands that this one takes."""
    for label, step in definition.labelled_steps():
        arguments = step.get("Arguments")
        if step.get("Type") != "Condition" or not isinstance(arguments, dict):
            continue
        top = arguments.get("Conditions")
        if not isinstance(top, list) or not top:
            yield f"{label} has no Conditions; give it at least one"
            continue
        pending = list(reversed(top))
        while pending:
            condition = pending.pop()
            yield from (f"{label} {problem}" for problem in _problems(condition))
            pending.extend(_inner(condition))


def _inner(condition: object) -> list[object]:
    if not isinstance(condition, dict):
        return []
    if condition.get("Type") == "Not" and "Condition" in condition:
        return [condition["Condition"]]
    several = condition.get("Conditions")
    return list(reversed(several)) if condition.get("Type") == "Or" and isinstance(several, list) else []


def _problems(condition: object) -> Iterator[str]:
    if not isinstance(condition, dict):
        yield f"has {quote(condition)} for a condition; use an object with Type"
        return
    operator = condition.get("Type")
    if operator not in OPERATORS:
        yield f"has a condition of the unknown type {quote(operator)}; {advice(operator, OPERATORS)}"
    elif operator == "In":
        yield from _missing(condition, "QueryValue")
        if not isinstance(condition.get("Values"), list) or not condition["Values"]:
            yield "has a condition of type In without a list of Values; add it"
    elif operator == "Not":
        yield from _missing(condition, "Condition")
    elif operator == "Or":
        if not isinstance(condition.get("Conditions"), list) or not condition["Conditions"]:
            yield "has a condition of type Or without a list of Conditions; add it"
    else:
        yield from _comparison_problems(str(operator), condition)


def _comparison_problems(operator: str, condition: JsonObject) -> Iterator[str]:
    for side in ("LeftValue", "RightValue"):
        value = condition.get(side)
        if value is None:
            yield from _missing(condition, side)
        elif isinstance(value, list | dict) and not is_expression(value):
            yield f"has {quote(value)} as {side} of {operator}; use a value or an expression"
        elif operator in _ORDERINGS and isinstance(value, str | bool):
            yield f"has {quote(value)}, which is {kind(value)}, as {side} of {operator}; use a number"


def _missing(condition: JsonObject, name: str) -> Iterator[str]:
    if condition.get(name) is None:
        yield f"has a condition of type {condition.get('Type')} without {name}; add it"


CHECKS: tuple[Check, ...] = (conditions,)
