"""Many small row files of a day become few large ones: nightly, and at any other time, also by several at once.

A file is deleted only after files that hold what it says, or something newer of the same run, were written under names of their content.
So at whichever point this ends, every row is in some file, and the next time finishes the work. Who reads at that moment sees a row twice
at most, in files of which either is right; a file that was listed and is gone is found in the next listing in its new form.
"""

import sqlite3
import tempfile
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from mlrecords.canonical import canonical
from mlrecords.rows import WHOLE, day_prefix, order, packed, row_files, unpacked
from mlrecords.store import RecordStore

ROWS_PER_FILE = 20_000
"""About 2 MB compressed, and 40 MB while it is read."""
_READ_AT_ONCE = 32
_DELETED_AT_ONCE = 1000  # The most that DeleteObjects takes.
_TABLE = "CREATE TABLE newest (run_id TEXT PRIMARY KEY, revision INTEGER, record TEXT, row BLOB) WITHOUT ROWID"
_NEWEST = """
INSERT INTO newest VALUES (?, ?, ?, ?)
ON CONFLICT (run_id) DO UPDATE SET revision = excluded.revision, record = excluded.record, row = excluded.row
WHERE (excluded.revision, excluded.record) > (newest.revision, newest.record)
"""


class RowFilesError(Exception):
    """Row files that are no longer needed could not be deleted."""


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """What became of a day: files before and after, and how many runs have a row in it."""

    files_before: int
    files_after: int
    runs: int


def compact(store: RecordStore, day: date, *, forgotten: Collection[str] = ()) -> Compacted:
    """Put the rows of a day together, the newest of each run, without runs that are `forgotten`.

    Memory is bounded by `ROWS_PER_FILE`; rows wait in a temporary SQLite file, about as large as the day's rows without compression.
    Raises `RowFilesError`.
    """
    before = list(row_files(store, prefix=day_prefix(day)))
    with tempfile.TemporaryDirectory(prefix="rows-") as scratch, closing(_table(Path(scratch))) as newest:
        read = _gather(store, before, newest, frozenset(forgotten))
        written, runs = _write(store, day, newest)
    _delete(store, sorted(read - written))
    return Compacted(files_before=len(before), files_after=len(written), runs=runs)


def _table(directory: Path) -> sqlite3.Connection:
    newest = sqlite3.connect(directory / "newest.sqlite", isolation_level=None)
    newest.execute("PRAGMA journal_mode = OFF")  # Nobody reads it after a crash.
    newest.execute(_TABLE)
    newest.execute("BEGIN")
    return newest


def _gather(store: RecordStore, keys: Sequence[str], newest: sqlite3.Connection, forgotten: frozenset[str]) -> set[str]:
    """Put the newest row of each run into the table; the files that were read, others being gone."""
    read = set()
    with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
        for at in range(0, len(keys), _READ_AT_ONCE):
            for key, content in pool.map(lambda key: (key, _content(store, key)), keys[at : at + _READ_AT_ONCE]):
                if content is not None:
                    read.add(key)
                    kept = (row for row in unpacked(content) if row.get("deleted") or row["run_id"] not in forgotten)
                    newest.executemany(_NEWEST, ((row["run_id"], *order(row), canonical(row)) for row in kept))
    return read


def _write(store: RecordStore, day: date, newest: sqlite3.Connection) -> tuple[set[str], int]:
    """Write the table as files named by their content; their keys, and how many rows there are."""
    rows = (row for (row,) in newest.execute("SELECT row FROM newest ORDER BY run_id"))
    written, count = set(), 0
    while lines := list(islice(rows, ROWS_PER_FILE)):
        name, content = packed(lines)
        key = f"{day_prefix(day)}{WHOLE}{name}.jsonl.gz"
        store.s3.put_object(Bucket=store.bucket, Key=key, Body=content, ContentType="application/gzip")
        written.add(key)
        count += len(lines)
    return written, count


def _content(store: RecordStore, key: str) -> bytes | None:
    try:
        content: bytes = store.s3.get_object(Bucket=store.bucket, Key=key)["Body"].read()
    except store.s3.exceptions.NoSuchKey:
        return None
    return content


def _delete(store: RecordStore, keys: Sequence[str]) -> None:
    for at in range(0, len(keys), _DELETED_AT_ONCE):
        some = [{"Key": key} for key in keys[at : at + _DELETED_AT_ONCE]]
        answer = store.s3.delete_objects(Bucket=store.bucket, Delete={"Objects": some, "Quiet": True})
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise RowFilesError(
                f"{len(answer['Errors'])} row files of bucket {store.bucket} could not be deleted, the first is "
                f"{first['Key']}: {first['Code']} {first['Message']}; no row is lost, the next compaction tries again"
            )
