"""Rows and columns of files, held against pyarrow."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrecords.pins.parquet import NotParquetError, Table, read_footer
from mlrecords.pins.tables import read_csv

TYPES = {
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.decimal128(10, 2): "decimal",
}


def footer_of(content: bytes) -> Table:
    return read_footer(lambda start, end: content[start:end], len(content))


def written(table: Any, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@settings(max_examples=60, deadline=None)
@given(
    columns=st.dictionaries(st.text(min_size=1, max_size=20), st.sampled_from(list(TYPES)), min_size=1, max_size=12),
    rows=st.integers(0, 50),
    version=st.sampled_from(["1.0", "2.6"]),
    group=st.sampled_from([1, 7, 1000]),
)
def test_the_footer_says_what_pyarrow_says(columns: dict[str, Any], rows: int, version: str, group: int) -> None:
    table = pa.table({name: pa.nulls(rows, kind) for name, kind in columns.items()})

    found = footer_of(written(table, version=version, row_group_size=group))

    assert found == Table(rows=rows, columns={name: TYPES[kind] for name, kind in columns.items()})


def test_columns_in_columns_have_their_path_and_long_footers_are_read_in_two_steps() -> None:
    nested = pa.table({"a": [{"b": 1, "c": ["x"]}], **{f"column_{number}": [1.0] for number in range(2000)}})

    found = footer_of(written(nested))

    assert list(found.columns.items())[:2] == [("a.b", "int64"), ("a.c.list.element", "string")]
    assert len(found.columns) == 2002


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2**32 - 1), st.integers(0, 400), st.integers(0, 255))
def test_what_is_no_parquet_file_is_said_so(content: bytes, length: int, at: int, byte: int) -> None:
    broken = bytearray(written(pa.table({"a": [1, 2], "b": ["x", "y"]})))
    broken[at % (len(broken) - 8) + 0] = byte
    for file in (content, content + length.to_bytes(4, "little") + b"PAR1", bytes(broken)):
        try:
            footer_of(file)
        except NotParquetError:
            continue


@pytest.mark.parametrize(
    ("content", "table"),
    [
        (b"", Table(rows=0, columns={})),
        (b"1,2\n3,4\n", Table(rows=2, columns={})),
        (b"a,b,c\n1,2.5,x\n2,3,\n", Table(rows=2, columns={"a": "int64", "b": "double", "c": "string"})),
        ('\ufeffa,b\n"x\ny",2\n\n'.encode(), Table(rows=1, columns={"a": "string", "b": "int64"})),
        (b"a,a\nx,y\n", Table(rows=2, columns={})),
    ],
)
def test_a_csv_file(content: bytes, table: Table) -> None:
    assert read_csv(content) == table
