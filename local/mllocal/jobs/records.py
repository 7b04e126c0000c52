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
    """The lines of an input file; a last line break starts no record."""
    return content.decode().splitlines()


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
        row = read_row(record)
        if len(row) != columns:
            raise RecordError(f"a row has {len(row)} columns and the first one has {columns}: {record[:200]!r}")
        return write_row([row[index] for index in chosen])

    return choose


def json_filter(path: str) -> Filter:
    """A filter such as `$.features` for JSON lines."""

    def choose(record: Record) -> Record:
        found: list[Any] = jsonpath.findall(path, json.loads(record))
        if not found:
            raise RecordError(f"filter {path!r} finds nothing in {record[:200]!r}")
        return json.dumps(found[0] if len(found) == 1 else found)

    return choose


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
    """An input line with its prediction under `SageMakerOutput`."""
    return json.dumps({**json.loads(record), "SageMakerOutput": json.loads(prediction)})
