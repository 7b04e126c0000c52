"""Content types that a model's script need not handle itself: bytes to arrays, and predictions to bytes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
NPY = "application/x-npy"
PARQUET = "application/x-parquet"
_TEXT = (CSV, JSON)


def media_type(header: str) -> str:
    """A content type without its parameters."""
    return header.split(";", 1)[0].strip().lower()


def as_given(body: bytes, content_type: str) -> str | bytes:
    """The body as a script's input_fn gets it: CSV and JSON as text, everything else as bytes, as AWS's toolkit does."""
    return body.decode() if media_type(content_type) in _TEXT else body


def read(body: str | bytes, content_type: str) -> Any:
    """The default input_fn. Raises `ValueError` naming a content type that needs an input_fn."""
    import numpy

    raw = body.encode() if isinstance(body, str) else body
    match media_type(content_type):
        case "text/csv":
            rows = list(csv.reader(io.StringIO(raw.decode())))
            return numpy.array([row for row in rows if row], dtype=float)
        case "application/json":
            return numpy.array(json.loads(raw))
        case "application/jsonlines":
            return numpy.array([_values(json.loads(line)) for line in raw.decode().splitlines() if line.strip()])
        case "application/x-npy":
            return numpy.load(io.BytesIO(raw), allow_pickle=False)
        case "application/x-parquet":
            import pandas

            return pandas.read_parquet(io.BytesIO(raw))
        case other:
            raise ValueError(f"content type {other!r} is not one of {_known()}; write an input_fn for it")


def write(prediction: Any, accept: str) -> tuple[str | bytes, str]:
    """The default output_fn. Raises `ValueError` naming a type that needs an output_fn."""
    import numpy

    values = numpy.asarray(prediction)
    match media_type(accept):
        case "application/json":
            return json.dumps(values.tolist()), JSON
        case "application/jsonlines":
            return "\n".join(json.dumps(value) for value in values.tolist()), JSON_LINES
        case "application/x-npy":
            buffer = io.BytesIO()
            numpy.save(buffer, values, allow_pickle=False)
            return buffer.getvalue(), NPY
        case "application/x-parquet":
            return _parquet(values), PARQUET
        case "text/csv" | "*/*":
            rows = values.reshape(len(values), -1).tolist()
            return "\n".join(",".join(_field(value) for value in row) for row in rows), CSV
        case other:
            raise ValueError(f"accept {other!r} is not one of {_known()}; write an output_fn for it")


def _parquet(values: Any) -> bytes:
    import pandas

    table = pandas.DataFrame(values.reshape(len(values), -1))
    table.columns = [str(name) for name in table.columns]
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _values(record: Any) -> Any:
    """One JSON line: an array, or an object with `features`, `instances` or plain columns."""
    if not isinstance(record, dict):
        return record
    return record.get("features", record.get("instances", list(record.values())))


def _field(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _known() -> str:
    return ", ".join((CSV, JSON, JSON_LINES, NPY, PARQUET))
