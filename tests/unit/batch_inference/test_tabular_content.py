"""Bodies that the tabular model server reads and writes."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tabular_server.content import ContentError, read, write

PARQUET = "application/x-parquet"


def parquet(table: pa.Table, **about: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"mlplatform": json.dumps(about)} if about else None), sink)
    return sink.getvalue()


def test_numbers_in_csv_are_floats_and_an_empty_field_is_missing() -> None:
    rows = read(b"1,2.5,\n3,,\n", "text/csv; charset=utf-8")

    assert {str(kind) for kind in rows.features.schema.types} == {"double"}
    assert rows.features.column(1).to_pylist() == [2.5, None]
    assert not rows.named


def test_prepared_parts_keep_their_keys_apart_from_the_features() -> None:
    table = pa.table({"shop": ["a", "b"], "x": [1.0, 2.0]})
    rows = read(parquet(table, key_columns=["shop"], named_features=False), PARQUET)

    body, content_type = write(rows, np.array([5.0, 6.0]), PARQUET)

    assert (rows.features.column_names, rows.named, content_type) == (["x"], False, PARQUET)
    assert pq.read_table(io.BytesIO(body)).to_pydict() == {"shop": ["a", "b"], "prediction": [5.0, 6.0]}


def test_any_parquet_has_named_features() -> None:
    rows = read(parquet(pa.table({"x": [1.0]})), PARQUET)

    assert rows.named
    assert rows.keys.num_columns == 0


def test_several_predictions_for_a_row_are_several_columns() -> None:
    rows = read(b"1\n2\n", "text/csv")

    assert write(rows, [[0.25, 0.75], [0.5, 0.5]], "*/*") == (b"0.25,0.75\n0.5,0.5\n", "text/csv")


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"", "text/csv", "the body is empty; send at least one row"),
        (b"1,2\n3\n", "text/csv", "the body is not text/csv that can be read"),
        (b"PAR1", PARQUET, "the body is not application/x-parquet that can be read"),
        (b"{}", "application/json", "content type 'application/json' is not read here; send text/csv without"),
    ],
)
def test_a_body_that_cannot_be_read_is_told(body: bytes, content_type: str, message: str) -> None:
    with pytest.raises(ContentError, match=message):
        read(body, content_type)


def test_an_answer_that_does_not_fit_is_told() -> None:
    rows = read(b"1\n2\n", "text/csv")

    with pytest.raises(ContentError, match="the model gave 1 predictions for 2 rows"):
        write(rows, [1.0], "text/csv")
    with pytest.raises(ContentError, match="accept 'application/json' is not written here"):
        write(rows, [1.0, 2.0], "application/json")
