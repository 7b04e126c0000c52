"""Rows and columns of data that is tables: Parquet files by their footers, small CSV files by reading them."""

import csv
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlrecords.pins.clients import unless_out_of_reach
from mlrecords.pins.objects import Place
from mlrecords.pins.parquet import NotParquetError, Table, read_footer
from mlrecords.record import DataObject

MOST_PARQUET_FILES = 100
MOST_CSV_BYTES = 4 * 1024**2
_AT_ONCE = 8


def table_of(s3: Any, place: Place, objects: Sequence[DataObject]) -> Table | None:
    """All rows, and the columns of the first file; None where not every object is a table that is cheap to look at."""
    tables = [one for one in objects if one.size_bytes]
    suffixes = {(place.key + one.key).rpartition(".")[2] for one in tables}
    is_parquet = suffixes == {"parquet"} and len(tables) <= MOST_PARQUET_FILES
    is_csv = suffixes == {"csv"} and sum(one.size_bytes for one in tables) <= MOST_CSV_BYTES
    if not is_parquet and not is_csv:
        return None

    def look_at(one: DataObject) -> Table:
        def read(start: int, end: int) -> bytes:
            asked = place.request(one)
            body: bytes = s3.get_object(**asked, Range=f"bytes={start}-{end - 1}")["Body"].read()
            return body

        return read_footer(read, one.size_bytes) if is_parquet else read_csv(read(0, one.size_bytes))

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda one: unless_out_of_reach(lambda: look_at(one)), tables))
    except (NotParquetError, UnicodeDecodeError, csv.Error):
        return None
    seen = [table for table in found if table is not None]
    if len(seen) < len(tables):
        return None
    return Table(rows=sum(table.rows for table in seen), columns=seen[0].columns)


def read_csv(content: bytes) -> Table:
    """A CSV file. Its first row is a header if each of its cells is a different text that is no number."""
    rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) if row]
    first = rows[0] if rows else []
    has_header = bool(first) and len({*first}) == len(first) and all(cell and _type(cell) == "string" for cell in first)
    if not has_header:
        return Table(rows=len(rows), columns={})
    cells = {name: {_type(row[place]) for row in rows[1:] if len(row) > place} for place, name in enumerate(first)}
    return Table(rows=len(rows) - 1, columns={name: _common(types - {""}) for name, types in cells.items()})


def _type(cell: str) -> str:
    """The narrowest type of a cell; nothing for an empty one."""
    for name, read in (("int64", int), ("double", float)):
        try:
            read(cell)
        except ValueError:
            continue
        return name
    return "string" if cell else ""


def _common(types: set[str]) -> str:
    if types <= {"int64", "double"} and types:
        return "double" if "double" in types else "int64"
    return "string"
