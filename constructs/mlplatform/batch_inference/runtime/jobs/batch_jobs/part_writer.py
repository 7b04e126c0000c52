"""Parquet parts of bounded size, made in a directory of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch_jobs.files import sha256_of

METADATA = b"mlplatform"
PART_BYTES = 32 << 20
FEWEST_ROWS, MOST_ROWS = 1_000, 1_000_000
_ROW_GROUP_ROWS = 1 << 16
_READ_BYTES = 1 << 20


def part_name(number: int) -> str:
    """The name of a part, which sorts."""
    return f"part-{number:05d}.parquet"


def rows_that_fit(table: pa.Table) -> int:
    """How many rows like these make a part of the usual size."""
    row_bytes = max(table.nbytes / max(table.num_rows, 1), 1)
    return int(min(max(PART_BYTES / row_bytes, FEWEST_ROWS), MOST_ROWS))


class PartWriter:
    """Writes tables one after the other into parts of `part_rows` rows; only the last has fewer. None: as many as fit."""

    def __init__(self, directory: Path, part_rows: int | None, metadata: dict[str, Any]) -> None:
        self._directory = directory
        self._part_rows = part_rows
        self._metadata = {METADATA: json.dumps(metadata).encode()}
        self._writer: pq.ParquetWriter | None = None
        self._rows = 0
        self.parts: list[dict[str, Any]] = []

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        while table.num_rows:
            if self._part_rows is None:
                self._part_rows = rows_that_fit(table)
            if self._writer is None:
                self._writer = open_parquet(self._directory / part_name(len(self.parts)), table.schema, self._metadata)
            fits = table.slice(0, self._part_rows - self._rows)
            self._writer.write_table(fits, row_group_size=_ROW_GROUP_ROWS)
            self._rows += fits.num_rows
            table = table.slice(fits.num_rows)
            if self._rows == self._part_rows:
                self._close()

    def close(self) -> None:
        """Finish the last part."""
        if self._writer is not None:
            self._close()

    def _close(self) -> None:
        assert self._writer is not None  # noqa: S101 - only called with one
        self._writer.close()
        self._writer = None
        path = self._directory / part_name(len(self.parts))
        size = {"rows": self._rows, "bytes": path.stat().st_size}
        self.parts.append({"part": path.name, **size, "sha256": sha256_of(path)})
        self._rows = 0


def open_parquet(path: Path, schema: pa.Schema, metadata: dict[bytes, bytes]) -> pq.ParquetWriter:
    """A writer of files that Athena reads. Numbers are not put into dictionaries, which costs time and rarely saves room."""
    text = [field.name for field in schema if pa.types.is_string(field.type)]
    return pq.ParquetWriter(
        path,
        schema.with_metadata(metadata),
        use_dictionary=text,
        coerce_timestamps="us",
        allow_truncated_timestamps=True,
    )


def open_bounded(path: Path) -> pq.ParquetFile:
    """A reader of batches that holds a few pages at a time. By default pyarrow fetches the whole file ahead of what is asked for."""
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES)


def described(schema: pa.Schema) -> list[dict[str, str]]:
    """Names and types of columns."""
    return [{"name": field.name, "type": str(field.type)} for field in schema]


def metadata_of(file: pq.ParquetFile) -> dict[str, Any]:
    """What the writer of a part says of it; empty for a file of another writer."""
    raw = (file.schema_arrow.metadata or {}).get(METADATA)
    found: dict[str, Any] = {} if raw is None else json.loads(raw)
    return found


def names_of(columns: Sequence[Any]) -> list[str]:
    """The names of columns."""
    return [column.name for column in columns]
