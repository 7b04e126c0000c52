"""The footer of a Parquet file: rows and columns, without a library for Parquet.

Sources: Apache Parquet format, `parquet.thrift` (FileMetaData, SchemaElement); Apache Thrift, "Thrift Compact protocol".
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_FOOTER_BYTES = 16 * 1024**2
_MAGIC = b"PAR1"
_TAIL_BYTES = 64 * 1024  # Read at once: most footers are in it.
_END_BYTES = 8  # The footer's length in four bytes, and the magic.
_PHYSICAL = ("boolean", "int32", "int64", "int96", "float", "double", "binary", "fixed_len_byte_array")
_CONVERTED = {0: "string", 5: "decimal", 6: "date", 7: "time", 8: "time", 9: "timestamp", 10: "timestamp"}
_LOGICAL = {1: "string", 5: "decimal", 6: "date", 7: "time", 8: "timestamp"}
# Fields of FileMetaData and of SchemaElement.
_SCHEMA, _ROWS = 2, 3
_TYPE, _NAME, _CHILDREN, _CONVERTED_TYPE, _LOGICAL_TYPE = 1, 4, 5, 6, 10


class NotParquetError(Exception):
    """Not a Parquet file whose footer can be read."""


@dataclass(frozen=True)
class Table:
    """How many rows, and type by column; columns in columns are `outer.inner`."""

    rows: int
    columns: Mapping[str, str]


def read_footer(read: Callable[[int, int], bytes], size_bytes: int) -> Table:
    """A file of so many bytes, of which `read(start, end)` answers those from `start` up to `end`. Raises `NotParquetError`."""
    start = max(0, size_bytes - _TAIL_BYTES)
    tail = read(start, size_bytes)
    if size_bytes < _END_BYTES or tail[-4:] != _MAGIC:
        raise NotParquetError("it does not end as a Parquet file")
    length = int.from_bytes(tail[-_END_BYTES:-4], "little")
    footer_start = size_bytes - _END_BYTES - length
    if length > MOST_FOOTER_BYTES or footer_start < 0:
        raise NotParquetError(f"its footer has {length} bytes")
    if footer_start < start:
        tail = read(footer_start, size_bytes)
    try:
        metadata = _Thrift(tail[-_END_BYTES - length : -_END_BYTES]).read_struct()
        return Table(rows=metadata[_ROWS], columns=dict(_columns(iter(metadata[_SCHEMA][1:]), metadata[_SCHEMA][0])))
    except (IndexError, KeyError, RecursionError, StopIteration, TypeError, UnicodeDecodeError, struct.error) as error:
        raise NotParquetError(f"its footer is not readable: {error!r}") from error


def _columns(elements: Any, parent: Mapping[int, Any], path: str = "") -> Any:
    for _ in range(parent.get(_CHILDREN, 0)):
        element = next(elements, None)
        if element is None:
            raise NotParquetError("its schema ends early")
        name = path + element[_NAME].decode()
        if _TYPE in element:
            yield name, _type(element)
        else:
            yield from _columns(elements, element, f"{name}.")


def _type(element: Mapping[int, Any]) -> str:
    logical = next(iter(element.get(_LOGICAL_TYPE, {})), None)
    return _LOGICAL.get(logical) or _CONVERTED.get(element.get(_CONVERTED_TYPE)) or _PHYSICAL[element[_TYPE]]  # type: ignore[arg-type]


class _Thrift:
    """Reads the compact protocol: structs as values by field number."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._readers: dict[int, Callable[[], Any]] = {
            1: lambda: True,
            2: lambda: False,
            3: self._byte,
            **dict.fromkeys((4, 5, 6), self._whole),
            7: lambda: struct.unpack("<d", self._bytes(8))[0],
            8: lambda: self._bytes(self._number()),
            **dict.fromkeys((9, 10), self._list),
            12: self.read_struct,
        }

    def read_struct(self) -> dict[int, Any]:
        values: dict[int, Any] = {}
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self._whole()
            values[number] = self._value(header & 0x0F)
        return values

    def _value(self, kind: int) -> Any:
        if kind not in self._readers:
            raise NotParquetError(f"its footer has a value of the kind {kind}")
        return self._readers[kind]()

    def _list(self) -> list[Any]:
        header = self._byte()
        count, kind = header >> 4, header & 0x0F
        items = range(self._number() if count == 15 else count)
        return [self._byte() == 1 if kind in (1, 2) else self._value(kind) for _ in items]

    def _whole(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)

    def _number(self) -> int:
        number, shift = 0, 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return number

    def _byte(self) -> int:
        byte = self._content[self._at]
        self._at += 1
        return byte

    def _bytes(self, count: int) -> bytes:
        found = self._content[self._at : self._at + count]
        self._at += count
        return found
