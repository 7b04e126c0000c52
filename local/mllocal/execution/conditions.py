"""The conditions of Condition steps."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from mllocal.execution.expressions import UnresolvedError, Values


def _equal(left: Any, right: Any) -> bool:
    """As in JSON, where true is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": _equal,
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
            wanted = values.resolve(condition["QueryValue"])
            return any(_equal(wanted, value) for value in values.resolve(condition["Values"]))
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
