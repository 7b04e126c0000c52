"""The columns of a run's input, and the pieces of it that readers hand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# Hive's names, as a Glue table spells them, and Arrow's types for them.
TYPES = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


@dataclass(frozen=True)
class Column:
    """A column. A fixed type is never widened: a value that does not fit sets its row aside."""

    name: str
    type: pa.DataType
    fixed: bool = False


@dataclass(frozen=True)
class Layout:
    """The key columns, then the features. `named`: the team's script named the features itself."""

    keys: tuple[Column, ...]
    features: tuple[Column, ...]
    named: bool

    @property
    def columns(self) -> tuple[Column, ...]:
        """All of them, in order."""
        return (*self.keys, *self.features)

    @property
    def names(self) -> list[str]:
        """Their names, in order."""
        return [column.name for column in self.columns]

    @property
    def schema(self) -> pa.Schema:
        """Names and types, in order."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    def with_type(self, name: str, kind: pa.DataType) -> Layout:
        """The same with another type of one column."""

        def changed(columns: Sequence[Column]) -> tuple[Column, ...]:
            return tuple(replace(column, type=kind) if column.name == name else column for column in columns)

        return replace(self, keys=changed(self.keys), features=changed(self.features))


class WidenError(Exception):
    """A column needs a wider type than the first rows showed; reading begins again with this layout."""

    def __init__(self, layout: Layout) -> None:
        super().__init__("the layout is too narrow")
        self.layout = layout


@dataclass(frozen=True)
class SetAside:
    """A row that is not scored, and why. `reason` is one of few, so that rows can be counted by it."""

    file: str
    row: int
    reason: str
    detail: str
    values: list[str]


@dataclass(frozen=True)
class Piece:
    """Some rows of one file. `numbers` are their places in the file, counted from 1."""

    file: str
    table: pa.Table
    numbers: NDArray[np.int64]
    unreadable: list[SetAside] = field(default_factory=list)


def wider(kind: pa.DataType) -> pa.DataType:
    """The next type that holds more: numbers become fractions, whatever does not fit becomes text."""
    if pa.types.is_integer(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        return pa.timestamp("us", kind.tz)
    return pa.string()
