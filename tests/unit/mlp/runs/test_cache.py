"""The local copy follows the files of a real S3 emulator, whatever happens to them, with two processes at once."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlp.errors import CliError
from mlp.runs import cache
from mlp.runs.language import parse
from mlrecords.canonical import canonical
from mlrecords.compaction import compact
from mlrecords.rows import Row, day_prefix, forget_rows, order, packed, row_files
from mlrecords.store import RecordStore
from tests.unit.mlp.runs.made_up import NOW, row

MORNING = datetime(2026, 11, 24, 8, tzinfo=UTC)


def put(store: RecordStore, moment: datetime, *rows: Row) -> str:
    name, content = packed([canonical(one) for one in rows])
    key = f"{day_prefix(moment.date())}{moment:%H%M%S}-{name}.jsonl.gz"
    store.s3.put_object(Bucket=store.bucket, Key=key, Body=content)
    return key


def states(copy: cache.Cache) -> dict[str, int]:
    """Revisions by run, of which each has to be there once, under its own metric."""
    rows = copy.search(parse("", copy.names(), now=NOW))
    found = {one["run_id"]: one["revision"] for one in rows}
    assert len(found) == len(rows)
    for run_id, revision in found.items():
        query = f"metric.revision = {revision} and run_id = '{run_id}'"
        assert len(copy.search(parse(query, copy.names(), now=NOW))) == 1
    return found


def seen(run: str, revision: int) -> Row:
    return row(run, revision, metrics={"revision": revision}, tags={"revision": str(revision)})


@pytest.fixture
def opened(tmp_path: Path) -> AbstractContextManager[cache.Cache]:
    return cache.opened(tmp_path / "copy")


def test_only_new_files_are_read(store: RecordStore, opened: AbstractContextManager[cache.Cache]) -> None:
    put(store, MORNING, seen("a", 1))
    with opened as copy:
        assert [copy.refresh(store), copy.refresh(store)] == [1, 0]
        put(store, MORNING + timedelta(minutes=1), seen("b", 1))
        put(store, MORNING - timedelta(minutes=14), seen("c", 1))  # from a function that took long
        assert copy.refresh(store) == 2
        assert states(copy) == {"a": 1, "b": 1, "c": 1}


def test_a_late_old_row_does_not_win(store: RecordStore, opened: AbstractContextManager[cache.Cache]) -> None:
    with opened as copy:
        for number, revision in enumerate((2, 5, 3, 5)):
            put(store, MORNING + timedelta(minutes=number), seen("a", revision))
            copy.refresh(store)
        assert states(copy) == {"a": 5}
        assert copy._rows("SELECT count(*) FROM texts JOIN keys USING (key) WHERE space = 'tag'") == [(1,)]


def test_compaction_changes_nothing(store: RecordStore, opened: AbstractContextManager[cache.Cache]) -> None:
    with opened as copy:
        for number in range(3):
            put(store, MORNING + timedelta(minutes=number), seen("a", number + 1), seen(f"b{number}", 1))
        copy.refresh(store)
        before = states(copy)
        compact(store, MORNING.date())
        copy.refresh(store)
        assert states(copy) == before
        put(store, MORNING + timedelta(days=1), seen("c", 1))
        copy.refresh(store)
        assert states(copy) == before | {"c": 1}


def test_files_that_compaction_takes_away_while_they_are_read_are_found_in_their_new_form(
    store: RecordStore, opened: AbstractContextManager[cache.Cache], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        put(store, MORNING + timedelta(days=number // 2, minutes=number), seen(f"a{number}", 1))
    monkeypatch.setattr(cache, "_ROWS_AT_ONCE", 1)
    fetched = cache._fetched
    calls = iter(range(100))

    def compacting(*arguments: Any) -> bool:
        if next(calls) == 1:
            compact(store, MORNING.date())
        return fetched(*arguments)

    monkeypatch.setattr(cache, "_fetched", compacting)
    with opened as copy:
        copy.refresh(store)
        assert states(copy) == dict.fromkeys(["a0", "a1", "a2", "a3"], 1)


def test_a_forgotten_run_is_gone_and_does_not_come_back(
    store: RecordStore, opened: AbstractContextManager[cache.Cache]
) -> None:
    with opened as copy:
        put(store, MORNING, seen("a", 1), seen("b", 1))
        copy.refresh(store)
        forget_rows(store, ["a"], now=MORNING)
        copy.refresh(store)
        assert states(copy) == {"b": 1}
        put(store, MORNING, seen("a", 9))
        copy.refresh(store)
        assert states(copy) == {"b": 1}


def test_a_new_store_in_a_bucket_of_the_same_name_is_copied_anew(
    store: RecordStore, opened: AbstractContextManager[cache.Cache]
) -> None:
    with opened as copy:
        key = put(store, MORNING, seen("a", 1))
        copy.refresh(store)
        store.s3.delete_object(Bucket=store.bucket, Key=key)
        put(store, MORNING - timedelta(days=9), seen("b", 1))
        copy.refresh(store)
        assert states(copy) == {"b": 1}


def test_reading_that_was_cut_short_goes_on(
    store: RecordStore, opened: AbstractContextManager[cache.Cache], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for number in range(4):
        put(store, MORNING + timedelta(days=number), seen(f"a{number}", 1))
    monkeypatch.setattr(cache, "_ROWS_AT_ONCE", 2000)

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened as copy:
        copy.refresh(store, progress=stop)
    with cache.opened(tmp_path / "copy") as copy:
        assert copy.refresh(store) == 2
        assert len(states(copy)) == 4


_OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.integers(0, 3),
            st.lists(st.builds(seen, st.sampled_from("abc"), st.integers(1, 5)), min_size=1, max_size=3),
        ),
        st.tuples(st.just("compact"), st.integers(0, 3), st.none()),
        st.tuples(st.just("refresh"), st.none(), st.none()),
    ),
    max_size=10,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(_OPERATIONS)
def test_in_any_order_of_files_compaction_and_reading_the_newest_rows_are_there(
    store: RecordStore, tmp_path: Path, operations: list[tuple[str, int, list[Row]]]
) -> None:
    """Files come in the order of their names, or up to an hour later."""
    for key in list(row_files(store)):
        store.s3.delete_object(Bucket=store.bucket, Key=key)
    rows: list[Row] = []
    with cache.opened(tmp_path / "copy") as copy:
        copy._forget_all()
        moment = MORNING
        for operation, number, news in operations:
            if operation == "put":
                moment += timedelta(hours=9)
                put(store, moment - timedelta(minutes=14 * (number % 2)), *news)
                rows += news
            elif operation == "compact":
                compact(store, (MORNING + timedelta(days=number)).date())
            else:
                copy.refresh(store)
        copy.refresh(store)
        assert states(copy) == {one["run_id"]: one["revision"] for one in sorted(rows, key=order)}


_PROCESS = """
import sys
from pathlib import Path
from mlp.runs import cache
from mlp.runs.language import parse
from mlrecords.store import RecordStore
from tests.unit.mlp.runs.made_up import NOW
from tests.unit.servers import client

endpoint, bucket, directory = sys.argv[1:]
for _ in range(5):
    with cache.opened(Path(directory)) as copy:
        copy.refresh(RecordStore(client("s3", endpoint), bucket))
        print(len(copy.search(parse("metric.revision = 1", copy.names(), now=NOW))))
"""


def test_processes_take_turns(store: RecordStore, tmp_path: Path) -> None:
    for number in range(30):
        put(store, MORNING + timedelta(minutes=number), *(seen(f"{number}-{one}", 1) for one in range(10)))
    command = [sys.executable, "-c", _PROCESS, store.s3.meta.endpoint_url, store.bucket, str(tmp_path / "copy")]

    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate() for process in processes]

    assert said == [("300\n" * 5, "")] * 3


def test_what_is_no_copy_is_told_with_what_to_do(tmp_path: Path) -> None:
    directory = tmp_path / "copy"
    directory.mkdir()
    (directory / f"runs-{cache._VERSION}.duckdb").write_bytes(b"no database" * 1000)

    with pytest.raises(CliError, match="cannot be opened") as caught, cache.opened(directory):
        pass
    assert "delete" in caught.value.fix
