"""Anything that a field of a record may hold, for property tests."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from mlrecords.record import Identity, RunRecord, Status

_WORDS = st.text(max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=2),
    max_leaves=4,
)
_SCALARS: Mapping[Any, st.SearchStrategy[Any]] = {
    str: _WORDS,
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    datetime: st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.just(UTC)),
    Any: _JSON,
}
_NOT_OBSERVED = ("schema_version", "run_id", "observations")
_PARTS = {name: kind for name, kind in typing.get_type_hints(RunRecord).items() if name not in _NOT_OBSERVED}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type of `record`: dataclasses, mappings, tuples, options, scalars."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    if origin in (typing.Union, types.UnionType):
        return st.one_of([st.none() if one is type(None) else anything(one) for one in arguments])
    if origin is tuple:
        return st.lists(anything(arguments[0]), max_size=2).map(tuple)
    if origin is not None:  # Mapping[str, X]
        return st.dictionaries(_WORDS, anything(arguments[1]), max_size=2)
    assert isinstance(kind, type)
    assert is_dataclass(kind)
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{item.name: anything(hints[item.name]) for item in fields(kind)})


def parts() -> st.SearchStrategy[dict[str, Any]]:
    """Any parts of a record but what it is and how it went, by field name."""
    return st.fixed_dictionaries(
        {}, optional={name: anything(kind) for name, kind in _PARTS.items() if name not in ("identity", "status")}
    )


def beginnings() -> st.SearchStrategy[dict[str, Any]]:
    """What it is and how it went, without which there is no record."""
    return st.fixed_dictionaries({"identity": anything(Identity), "status": anything(Status)})
