"""Bodies of requests and answers: CSV without a header, or Parquet.

Parquet that `prepare_parts.py` wrote keeps its key columns: they come back in front of the predictions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

CSV = "text/csv"
PARQUET = ("application/x-parquet", "application/vnd.apache.parquet")
METADATA = b"mlplatform"


class ContentError(Exception):
    """A body that cannot be read, or an answer that cannot be written; the message says why and what to send."""


@dataclass(frozen=True)
class Rows:
    """The rows of a request. `named`: the features have names of their own."""

    keys: pa.Table
    features: pa.Table
    named: bool


def read(body: bytes, content_type: str) -> Rows:
    """The rows of a body. Raises `ContentError`."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body.strip():
        raise ContentError("the body is empty; send at least one row")
    try:
        if kind == CSV:
            return _csv(body)
        if kind in PARQUET:
            return _parquet(body)
    except pa.ArrowInvalid as error:
        raise ContentError(f"the body is not {kind} that can be read: {error}") from error
    raise ContentError(f"content type '{content_type}' is not read here; send {CSV} without a header, or {PARQUET[0]}")


def write(rows: Rows, predictions: Any, accept: str) -> tuple[bytes, str]:
    """The body and the content type of an answer. Raises `ContentError`."""
    answered = np.asarray(predictions)
    if answered.ndim == 0 or len(answered) != rows.features.num_rows:
        raise ContentError(f"the model gave {answered.size} predictions for {rows.features.num_rows} rows")
    columns = answered.reshape(len(answered), -1)
    names = ["prediction"] if columns.shape[1] == 1 else [f"prediction_{place}" for place in range(columns.shape[1])]
    table = pa.table({name: pa.array(columns[:, place]) for place, name in enumerate(names)})
    kind = _wanted(accept)
    sink = pa.BufferOutputStream()
    if kind == CSV:
        csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
    else:
        for name in reversed(rows.keys.column_names):
            table = table.add_column(0, name, rows.keys.column(name))
        pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes(), kind


def _wanted(accept: str) -> str:
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for kind in kinds:
        if kind in ("", "*/*", "text/*", CSV):
            return CSV
        if kind in PARQUET:
            return kind
    raise ContentError(f"accept '{accept}' is not written here; ask for {CSV} or {PARQUET[0]}")


def _csv(body: bytes) -> Rows:
    table = csv.read_csv(
        pa.py_buffer(body),
        csv.ReadOptions(autogenerate_column_names=True, use_threads=False, block_size=len(body) + 1),
        csv.ParseOptions(newlines_in_values=b'"' in body),
    )
    columns = [column.cast(pa.float64()) if _is_number(column.type) else column for column in table.columns]
    return Rows(_no_keys(table), pa.table(columns, names=table.column_names), named=False)


def _is_number(kind: pa.DataType) -> bool:
    # A column of empty fields is one of missing numbers.
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))


def _parquet(body: bytes) -> Rows:
    table = pq.read_table(pa.BufferReader(body), use_threads=False)
    about = json.loads((table.schema.metadata or {}).get(METADATA, b"{}"))
    keys: Sequence[str] = about.get("key_columns", ())
    features = table.drop_columns([*keys]) if keys else table
    return Rows(table.select([*keys]), features, bool(about.get("named_features", True)))


def _no_keys(table: pa.Table) -> pa.Table:
    return table.select([])
