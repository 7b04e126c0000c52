"""Splitting, batching, filtering and joining records of a batch transform."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jsonpath

BYTES_PER_MB = 1024 * 1024
Record = str
Filter = Callable[[Record], Record]


class RecordError(Exception):
    """Records that do not fit the job's split, join or filters."""


def split_lines(content: bytes) -> list[Record]:
    """The lines of an input file; a last line break starts no record. Only line feeds end lines: text may hold other separators."""
    lines = content.decode().split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def batches(records: Iterable[Record], *, strategy: str, max_payload_mb: float) -> Iterator[list[Record]]:
    """Group records into requests: one each for SingleRecord, as many as the payload holds for MultiRecord (0 MB: no limit)."""
    limit = max_payload_mb * BYTES_PER_MB or float("inf")
    batch: list[Record] = []
    size = 0
    for record in records:
        record_size = len(record.encode()) + 1
        if record_size > limit:
            raise RecordError(
                f"a record of {record_size} bytes is larger than MaxPayloadInMB of {max_payload_mb:g} MB; raise it or shorten the records"
            )
        if batch and (strategy == "SingleRecord" or size + record_size > limit):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += record_size
    if batch:
        yield batch


def csv_filter(path: str, columns: int) -> Filter:
    """A filter such as `$[1:]` or `$[0,-1]` for rows of CSV with so many columns."""
    # A JSONPath that selects columns selects the same ones from a list of column numbers: it is evaluated once.
    chosen = [int(str(column)) for column in jsonpath.findall(path, list(range(columns)))]
    if not chosen:
        raise RecordError(f"filter {path!r} selects none of the {columns} columns")

    def choose(record: Record) -> Record:
        is_plain = '"' not in record
        row = record.split(",") if is_plain else read_row(record)
        if len(row) != columns:
            raise RecordError(f"a row has {len(row)} columns and the first one has {columns}: {record[:200]!r}")
        selected = [row[index] for index in chosen]
        # Without quotes in the record no field can need them: that saves looking into each.
        return ",".join(selected) if is_plain else write_row(selected)

    return choose


def json_filter(path: str) -> Filter:
    """A filter such as `$.features` for JSON records."""

    def choose(record: Record) -> Record:
        found: list[Any] = jsonpath.findall(path, read_json(record))
        if not found:
            raise RecordError(f"filter {path!r} finds nothing in {record[:200]!r}")
        return json.dumps(found[0] if len(found) == 1 else found)

    return choose


def read_json(record: Record) -> Any:
    """A JSON record. Raises `RecordError` for one that is not JSON."""
    try:
        return json.loads(record)
    except json.JSONDecodeError as error:
        raise RecordError(f"a record is not JSON ({error}): {record[:200]!r}") from None


def read_row(record: Record) -> list[str]:
    """The fields of one CSV line."""
    return record.split(",") if '"' not in record else next(csv.reader([record]))


def write_row(fields: list[str]) -> Record:
    """One CSV line."""
    if not any(character in field for field in fields for character in ',"\r\n'):
        return ",".join(fields)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(fields)
    return buffer.getvalue()


def join_csv(record: Record, prediction: Record) -> Record:
    """An input row with its prediction appended."""
    return f"{record},{prediction}"


def join_json(record: Record, prediction: Record) -> Record:
    """An input object with its prediction under `SageMakerOutput`; any other input goes under `SageMakerInput`."""
    given = read_json(record)
    base = given if isinstance(given, dict) else {"SageMakerInput": given}
    return json.dumps({**base, "SageMakerOutput": read_json(prediction)})
