"""Compaction on a real S3 emulator, ended at any point, by several at once: no row is lost, and none comes back."""

from __future__ import annotations

import random
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrecords import compaction
from mlrecords.canonical import canonical
from mlrecords.compaction import Compacted, RowFilesError, compact
from mlrecords.rows import Row, day_prefix, forget_rows, is_whole, order, packed, row_files, unpacked
from mlrecords.store import RecordStore

MORNING = datetime(2026, 11, 24, 8, tzinfo=UTC)
DAY = MORNING.date()


def row(run: str, revision: int) -> Row:
    return {"run_id": run, "revision": revision, "record": f"sha256:{run}{revision}", "state": "Completed"}


def put(store: RecordStore, minute: int, *rows: Row) -> str:
    name, content = packed([canonical(one) for one in rows])
    key = f"{day_prefix(DAY)}{MORNING + timedelta(minutes=minute):%H%M%S}-{name}.jsonl.gz"
    store.s3.put_object(Bucket=store.bucket, Key=key, Body=content)
    return key


def emptied(store: RecordStore) -> None:
    for key in list(row_files(store)):
        store.s3.delete_object(Bucket=store.bucket, Key=key)


def newest(store: RecordStore) -> dict[str, Row]:
    """What a reader makes of the files that are there."""
    rows = [
        one
        for key in row_files(store)
        for one in unpacked(store.s3.get_object(Bucket=store.bucket, Key=key)["Body"].read())
    ]
    return {one["run_id"]: one for one in sorted(rows, key=order)}


class KilledError(Exception):
    """The function ended here."""


class Ending:
    """A client of S3 that ends at one of its changes, before or after it was made."""

    def __init__(self, s3: Any, *, after: int, is_made: bool) -> None:
        self._s3, self._left, self._is_made = s3, after, is_made

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._s3, name)
        return self._counted(operation) if name in ("put_object", "delete_objects") else operation

    def _counted(self, operation: Any) -> Any:
        def call(**request: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                if self._is_made:
                    operation(**request)
                raise KilledError
            return operation(**request)

        return call


def test_the_files_of_a_day_become_one_with_the_newest_row_of_each_run(store: RecordStore) -> None:
    put(store, 0, row("a", 1), row("b", 1))
    put(store, 1, row("a", 3))
    put(store, 2, row("a", 2), row("c", 1))

    assert compact(store, DAY) == Compacted(files_before=3, files_after=1, runs=3)

    (key,) = row_files(store)
    assert is_whole(key)
    assert newest(store) == {"a": row("a", 3), "b": row("b", 1), "c": row("c", 1)}


def test_what_is_compact_stays_as_it_is(store: RecordStore) -> None:
    put(store, 0, row("a", 1))
    compact(store, DAY)
    before = list(row_files(store))

    compact(store, DAY)

    assert list(row_files(store)) == before


def test_a_day_without_runs_stays_empty(store: RecordStore) -> None:
    assert compact(store, DAY) == Compacted(files_before=0, files_after=0, runs=0)
    assert list(row_files(store)) == []


def test_large_days_have_several_files_of_bounded_size(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "ROWS_PER_FILE", 10)
    for minute in range(5):
        put(store, minute, *(row(f"{run:02}", minute) for run in range(25)))

    assert compact(store, DAY) == Compacted(files_before=5, files_after=3, runs=25)
    assert {one["revision"] for one in newest(store).values()} == {4}


def test_a_forgotten_run_leaves_all_files_and_stays_forgotten(store: RecordStore) -> None:
    put(store, 0, row("a", 1), row("b", 1))
    forget_rows(store, ["a"], now=MORNING)

    compact(store, DAY, forgotten=["a"])

    assert newest(store)["a"] == {"run_id": "a", "revision": 2**53 - 1, "deleted": True}
    put(store, 5, row("a", 7))
    compact(store, DAY)
    assert newest(store)["a"]["deleted"]


def test_files_that_cannot_be_deleted_are_told(store: RecordStore) -> None:
    put(store, 0, row("a", 1))

    class Refusing(Ending):
        def _counted(self, operation: Any) -> Any:
            if operation.__name__ != "delete_objects":
                return operation
            denied = {"Key": "rows/x", "Code": "AccessDenied", "Message": "Access Denied"}
            return lambda **request: {"Errors": [denied]}

    with pytest.raises(RowFilesError, match="no row is lost"):
        compact(replace(store, s3=Refusing(store.s3, after=0, is_made=False)), DAY)
    assert newest(store) == {"a": row("a", 1)}


_ROWS = st.builds(row, st.sampled_from("abcde"), st.integers(1, 6))
_FILES = st.lists(st.lists(_ROWS, min_size=1, max_size=4), min_size=1, max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(_FILES, _FILES, st.integers(1, 4), st.booleans(), st.integers(1, 3))
def test_wherever_it_ends_no_row_is_lost_and_no_old_one_wins(
    store: RecordStore, first: list[list[Row]], late: list[list[Row]], after: int, is_made: bool, size: int
) -> None:
    emptied(store)
    for minute, rows in enumerate(first):
        put(store, minute, *rows)
    expected = newest(store)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compaction, "ROWS_PER_FILE", size)
        with suppress(KilledError):
            compact(replace(store, s3=Ending(store.s3, after=after, is_made=is_made)), DAY)
        assert newest(store) == expected
        for minute, rows in enumerate(late):
            put(store, 10 + minute, *rows)
        expected = newest(store)
        compact(store, DAY)
    assert newest(store) == expected
    assert all(is_whole(key) for key in row_files(store))


def test_several_at_once_lose_nothing_while_rows_go_on_coming(store: RecordStore) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chosen = random.Random(seed)
    rows = [row(f"{chosen.randrange(20):02}", chosen.randrange(1, 100)) for _ in range(120)]
    with ThreadPoolExecutor(5) as pool:
        futures: list[Future[Any]] = [
            pool.submit(put, store, number % 60, *rows[number * 4 : number * 4 + 4]) for number in range(30)
        ]
        futures += [pool.submit(compact, store, DAY) for _ in range(6)]
    assert [future.exception() for future in futures] == [None] * 36
    assert newest(store) == {one["run_id"]: one for one in sorted(rows, key=order)}
    compact(store, DAY)
    assert newest(store) == {one["run_id"]: one for one in sorted(rows, key=order)}
