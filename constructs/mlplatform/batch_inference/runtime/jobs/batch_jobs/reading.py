"""What the team's script wrote, read piece by piece whatever its size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batch_jobs.csv_pieces import converted, read_csv_pieces, what
from batch_jobs.files import JobError
from batch_jobs.part_writer import open_bounded
from batch_jobs.tables import Layout, Piece, SetAside, WidenError, wider

_CSV_SUFFIXES = {".csv", ".txt", ""}
_PARQUET_SUFFIXES = {".parquet", ".pq"}
_PARQUET_ROWS = 1 << 16


@dataclass(frozen=True)
class RawFile:
    """A file that the team's script wrote."""

    path: Path
    name: str
    format: str


def find_raw_files(directory: Path) -> list[RawFile]:
    """All files below a directory that hold something, by name. Raises `JobError` for none, and for what is not a table."""
    files, problems = [], []
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        hidden = any(part.startswith((".", "_")) for part in Path(name).parts)
        if hidden or not path.is_file() or path.stat().st_size == 0:
            continue
        if path.suffix in _PARQUET_SUFFIXES:
            files.append(RawFile(path, name, "parquet"))
        elif path.suffix in _CSV_SUFFIXES:
            files.append(RawFile(path, name, "csv"))
        else:
            problems.append(f"{name} is neither CSV nor Parquet")
    formats = sorted({file.format for file in files})
    if len(formats) > 1:
        problems.append(
            f"{files[0].name} and others are of different formats ({' and '.join(formats)}); write one format"
        )
    if problems:
        raise JobError(f"DataCheckFailed: {'; '.join(problems)}; write CSV without a header, or Parquet")
    if not files:
        raise JobError(f"EmptyInput: the script wrote no rows into {directory}; look at what it read, and at its log")
    return files


def read_pieces(files: Sequence[RawFile], layout: Layout) -> Iterator[Piece]:
    """The rows of all files, in the order of the files' names."""
    for file in files:
        if file.format == "csv":
            yield from read_csv_pieces(file.path, file.name, layout)
        else:
            yield from _read_parquet_pieces(file, layout)


def _read_parquet_pieces(file: RawFile, layout: Layout) -> Iterator[Piece]:
    done = 0
    try:
        with open_bounded(file.path) as source:
            for batch in source.iter_batches(batch_size=_PARQUET_ROWS, columns=layout.names):
                yield _cast(pa.Table.from_batches([batch]).select(layout.names), file.name, layout, done)
                done += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise JobError(
            f"DataCheckFailed: {file.name} is not a Parquet file that can be read ({error}); write it again"
        ) from error


def _cast(table: pa.Table, file: str, layout: Layout, done: int) -> Piece:
    """The rows with the layout's types; those that do not fit a fixed type are set aside."""
    numbers = np.arange(done + 1, done + 1 + table.num_rows)
    wrong = np.zeros(table.num_rows, np.bool_)
    columns, unreadable = [], []
    for column in layout.columns:
        values = table.column(column.name)
        try:
            columns.append(values.cast(column.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if not column.fixed:
                raise WidenError(layout.with_type(column.name, wider(column.type))) from None
            text = values.cast(pa.string())
            cast, unfit = converted(text.cast(pa.binary()), column.type)
            unfit &= ~np.asarray(pc.is_null(text))
            columns.append(pa.chunked_array([cast]))
            unreadable += [
                SetAside(file, int(numbers[row]), f"{column.name}: not {what(column.type)}", f"'{text[row]}'", [])
                for row in np.flatnonzero(unfit & ~wrong)
            ]
            wrong |= unfit
    cast_table = pa.Table.from_arrays(columns, schema=layout.schema)
    if wrong.any():
        cast_table, numbers = cast_table.filter(pa.array(~wrong)), numbers[~wrong]
    return Piece(file, cast_table, numbers, unreadable)
