"""JSON documents that jobs write: their numbers are metrics, the rest is compared as it is. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from mlrecords.canonical import canonical


def numbers_of(content: bytes) -> dict[str, float]:
    """Every finite number of a document, by its path; none of what is no JSON."""
    return {path: value for path, value in _walk(_parsed(content), "") if math.isfinite(value)}


def without_numbers(content: bytes) -> bytes:
    """The document with each number replaced, in one form; content that is no JSON as it is."""
    document = _parsed(content)
    return content if document is None else canonical(_blank(document))


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _walk(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")
    elif _is_number(value):
        yield path, float(value)


def _blank(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _blank(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_blank(item) for item in value]
    return 0 if _is_number(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
