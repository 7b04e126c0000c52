"""How problems are worded: values, lists of names, suggestions."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

_LONGEST_VALUE = 60
_LONGEST_LIST = 8
_DEEPEST_VALUE = 4


def quote(value: object) -> str:
    """A JSON value for use in a sentence: text in single quotes, the rest as JSON, shortened when long."""
    text = f"'{value}'" if isinstance(value, str) else json.dumps(_shallow(value, _DEEPEST_VALUE))
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def listing(names: Iterable[str]) -> str:
    """Names in single quotes with commas, cut off when there are many."""
    known = list(names)
    shown = ", ".join(quote(name) for name in known[:_LONGEST_LIST])
    return shown if len(known) <= _LONGEST_LIST else f"{shown}, ... ({len(known)} in all)"


def advice(wrong: object, known: Iterable[str]) -> str:
    """What to write instead: the nearest known name, or the names there are."""
    names = list(known)
    near = difflib.get_close_matches(wrong[:_LONGEST_VALUE], names, n=1) if isinstance(wrong, str) else []
    if near:
        return f"did you mean '{near[0]}'?"
    if len(names) < 2:
        return f"use '{names[0]}'" if names else "there are none"
    return f"use one of {listing(names)}"


def kind(value: object) -> str:
    """What sort of JSON value it is, in words."""
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null")


def _shallow(value: object, depth: int) -> object:
    """The value with what lies deeper than `depth` left out: `json.dumps` fails on very deep values."""
    if not isinstance(value, dict | list | tuple):
        return value
    if depth == 0:
        return "..."
    if isinstance(value, dict):
        return {key: _shallow(item, depth - 1) for key, item in value.items()}
    return [_shallow(item, depth - 1) for item in value]
