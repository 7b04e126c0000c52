"""Properties of a template as an API takes them: a template may carry numbers and booleans as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda text: text.lower() == "true",
}


def as_shape(shape: Any, value: Any) -> Any:
    """`value` with the types of a botocore shape. What the shape does not have stays as it is, for the API to refuse."""
    match value:
        case dict() if shape.type_name == "map":
            return {name: as_shape(shape.value, item) for name, item in value.items()}
        case dict() if shape.type_name == "structure":
            members = shape.members
            return {name: as_shape(members[name], item) if name in members else item for name, item in value.items()}
        case list() if shape.type_name == "list":
            return [as_shape(shape.member, item) for item in value]
        case str() if shape.type_name in _FROM_TEXT:
            return _FROM_TEXT[shape.type_name](value)
    return value
