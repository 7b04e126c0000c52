"""The conditions of Condition steps."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from mllocal.execution.expressions import UnresolvedError, Values

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def holds(condition: dict[str, Any], values: Values) -> bool:
    """Whether a condition holds for the values of an execution."""
    match condition["Type"]:
        case "Not":
            return not holds(condition["Condition"], values)
        case "Or":
            return any(holds(part, values) for part in condition["Conditions"])
        case "In":
            return values.resolve(condition["QueryValue"]) in values.resolve(condition["Values"])
        case comparison:
            left = values.resolve(condition["LeftValue"])
            right = values.resolve(condition["RightValue"])
            return _compare(comparison, left, right)


def _compare(comparison: str, left: Any, right: Any) -> bool:
    try:
        return _COMPARISONS[comparison](left, right)
    except TypeError:
        raise UnresolvedError(
            f"{comparison} cannot compare {left!r} ({type(left).__name__}) with {right!r} ({type(right).__name__}); "
            "both sides must be numbers or both strings"
        ) from None
