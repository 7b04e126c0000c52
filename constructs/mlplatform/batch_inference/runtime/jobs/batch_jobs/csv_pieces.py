"""CSV without a header, read block by block: fast while all is well, value by value in a block that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from batch_jobs.files import JobError
from batch_jobs.tables import Column, Layout, Piece, SetAside, WidenError, wider

BLOCK_BYTES = 8 << 20
_LONGEST_RECORD_BYTES = 64 << 20
_BOM = b"\xef\xbb\xbf"
_NULLS = ["", "nan", "NaN", "NA", "N/A", "null", "NULL", "None"]
_NUMBER = r"^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^-?[iI]nf(inity)?$"
_SHOWN = 60

Mask = NDArray[np.bool_]


def blocks_of(path: Path, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The file in blocks of whole records; a line end between quotes does not end a record."""
    rest = b""
    with path.open("rb") as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        while chunk := file.read(size):
            data = rest + chunk
            end = _end_of_records(data)
            rest = data[end:]
            if len(rest) > _LONGEST_RECORD_BYTES:
                raise JobError(
                    f"DataCheckFailed: {path.name} has a record of more than {_LONGEST_RECORD_BYTES >> 20} MiB; "
                    "a quote that is never closed does that, or a file that is not CSV"
                )
            if end:
                yield data[:end]
    if rest.strip():
        yield rest


def read_csv_pieces(path: Path, name: str, layout: Layout) -> Iterator[Piece]:
    """The rows of a file. Raises `WidenError` where a key column turns out to hold something else than at first."""
    done = 0
    for block in blocks_of(path):
        try:
            table = _parsed(block, layout)
        except pa.ArrowInvalid:
            table = None
        if table is None:
            piece = _value_by_value(block, name, layout, done)
        else:
            piece = Piece(name, table, np.arange(done + 1, done + 1 + table.num_rows))
        done += len(piece.numbers) + len(piece.unreadable)
        yield piece


def text_table(block: bytes, names: list[str]) -> tuple[pa.Table, list[tuple[int, str]]]:
    """The block's records that have as many fields as there are names, as bytes; and the others, by their place from 0."""
    others: list[tuple[int, str]] = []

    def note(row: Any) -> str:
        others.append((row.number - 1, row.text))
        return "skip"

    table = csv.read_csv(
        pa.py_buffer(block),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=max(len(block), 1) + 1),
        parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        convert_options=csv.ConvertOptions(
            column_types={name: pa.binary() for name in names}, null_values=[], strings_can_be_null=False
        ),
    )
    return table, others


def converted(text: pa.ChunkedArray, kind: pa.DataType) -> tuple[pa.Array, Mask]:
    """Bytes as a type, and which of them cannot be: these are null."""
    utf8, not_text = _cast_or_mark(_one(text), pa.string())
    if pa.types.is_string(kind):
        return utf8, not_text
    trimmed = pc.utf8_trim_whitespace(utf8)
    missing = pc.is_in(trimmed, value_set=pa.array(_NULLS))
    present = pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)
    if pa.types.is_floating(kind):
        fits = pc.fill_null(pc.match_substring_regex(present, _NUMBER), True)
        wrong = ~np.asarray(fits)
        return pc.if_else(fits, present, pa.scalar(None, pa.string())).cast(kind), wrong | not_text
    values, wrong = _cast_or_mark(present, kind)
    return values, wrong | not_text


def without_empty_text(table: pa.Table, layout: Layout) -> pa.Table:
    """In features, text of no length is a missing value."""
    for place, column in enumerate(layout.columns):
        if place >= len(layout.keys) and pa.types.is_string(column.type):
            values = table.column(place)
            empty = pc.equal(values, "")
            if pc.any(empty).as_py():
                filled = pc.if_else(empty, pa.scalar(None, pa.string()), values)
                table = table.set_column(place, column.name, filled)
    return table


def _end_of_records(data: bytes) -> int:
    """Where the last whole record ends; 0 when none does."""
    end = data.rfind(b"\n") + 1
    if b'"' not in data:
        return end
    quotes = data.count(b'"', 0, end)
    while end and quotes % 2:
        before = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', before, end)
        end = before
    return end


def _parsed(block: bytes, layout: Layout) -> pa.Table:
    table = csv.read_csv(
        pa.py_buffer(block),
        read_options=csv.ReadOptions(column_names=layout.names, block_size=1 << 20),
        parse_options=csv.ParseOptions(newlines_in_values=b'"' in block),
        convert_options=csv.ConvertOptions(column_types=layout.schema, null_values=_NULLS, strings_can_be_null=False),
    )
    return without_empty_text(table, layout)


def _value_by_value(block: bytes, file: str, layout: Layout, done: int) -> Piece:
    text, others = text_table(block, layout.names)
    places = _places(text.num_rows, [place for place, _ in others])
    unreadable = [
        SetAside(file, done + place + 1, "wrong number of fields", f"{len(layout.names)} expected", [line[:_SHOWN]])
        for place, line in others
    ]
    arrays, wrong = [], np.zeros(text.num_rows, np.bool_)
    for column in layout.columns:
        values, unfit = converted(text.column(column.name), column.type)
        if unfit.any() and column in layout.keys and not column.fixed and not pa.types.is_string(column.type):
            raise WidenError(layout.with_type(column.name, wider(column.type)))
        new = np.flatnonzero(unfit & ~wrong)
        unreadable += [_unfit(text, int(row), file, done + int(places[row]) + 1, column) for row in new]
        wrong |= unfit
        arrays.append(values)
    table = without_empty_text(pa.Table.from_arrays(arrays, schema=layout.schema), layout)
    numbers = done + 1 + places
    if wrong.any():
        table, numbers = table.filter(pa.array(~wrong)), numbers[~wrong]
    return Piece(file, table, numbers, sorted(unreadable, key=lambda one: one.row))


def _unfit(text: pa.Table, row: int, file: str, number: int, column: Column) -> SetAside:
    values = [
        one.decode("utf-8", "replace")[:_SHOWN] for one in (text.column(n)[row].as_py() for n in text.column_names)
    ]
    shown = values[text.column_names.index(column.name)]
    return SetAside(file, number, f"{column.name}: not {what(column.type)}", f"'{shown}'", values)


def what(kind: pa.DataType) -> str:
    """A type in words."""
    words = {"double": "a number", "int64": "a whole number", "string": "UTF-8 text", "bool": "true or false"}
    return words.get(str(kind), "a date" if pa.types.is_date(kind) else "a time")


def _places(rows: int, taken: list[int]) -> NDArray[np.int64]:
    """The places from 0 of that many rows among others, whose places are known."""
    places: NDArray[np.int64] = np.delete(
        np.arange(rows + len(taken)), [one for one in taken if one < rows + len(taken)]
    )
    return places[:rows]


def _one(values: pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)


def _cast_or_mark(values: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Mask]:
    """The cast values, and a mask of those that cannot be cast: these are null."""
    wrong = np.zeros(len(values), np.bool_)
    cast = _try(lambda: values.cast(kind))
    if cast is not None:
        return cast, wrong
    pending = [(0, len(values))]
    while pending:
        start, stop = pending.pop()
        if _try(lambda: values.slice(start, stop - start).cast(kind)) is not None:  # noqa: B023 - called at once
            continue
        if stop - start == 1:
            wrong[start] = True
        else:
            middle = (start + stop) // 2
            pending += [(start, middle), (middle, stop)]
    kept = pc.if_else(pa.array(~wrong), values, pa.scalar(None, values.type))
    return kept.cast(kind), wrong


def _try(cast: Callable[[], pa.Array]) -> pa.Array | None:
    try:
        return cast()
    except pa.ArrowInvalid:
        return None
