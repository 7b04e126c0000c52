"""Rows on a real S3 emulator: what search needs of a run, whichever file says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mlrecords.rows import COLUMNS, forget_rows, keep_rows, key_before, moment_of, order, row_files, row_of, unpacked
from mlrecords.store import RecordStore, StoredRun
from tests.unit.mlrecords.observed import RUN, seen, state

MORNING = datetime(2026, 11, 24, 8, 30, 15, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "code": {"commit": "c0ffee", "dirty": False, "diff": None},
    "environment": {"image": {"uri": "registry/image:1", "digest": "sha256:11"}, "machines": None},
    "algorithm": {"name": "gbdt", "hyperparameters": {"max_iter": "200"}, "seeds": {"seed": "7"}},
    "inputs": {"train": {"uri": "s3://data/train/", "version": "sha256:22"}, "test": {"uri": "s3://data/test/"}},
    "metrics": {"rmse": {"value": 39.5, "steps": {"1": 50.0, "2": 39.5}}},
    "parents": {"a" * 32: {"relation": "execution"}},
    "notes": {
        "1": {"kind": "decision", "text": "ship", "author": "ada", "at": "2026-11-24T08:00:00+00:00"},
        "2": {"kind": "decision", "text": "do not ship", "author": "ada", "at": "2026-11-24T09:00:00+00:00"},
    },
}


def rows_in(store: RecordStore, key: str) -> list[dict[str, Any]]:
    return list(unpacked(store.s3.get_object(Bucket=store.bucket, Key=key)["Body"].read()))


def test_a_row_says_what_the_record_says(store: RecordStore) -> None:
    started, ended = "2026-11-24T09:00:00+01:00", "2026-11-24T08:01:30.5+00:00"
    run = store.observe([state(1, "Completed", started_at=started, ended_at=ended), seen(2, **FACTS)])
    assert run.record is not None

    row = row_of(run.record)

    assert row == {
        "run_id": RUN,
        "record": run.record_digest,
        "revision": 2,
        "kind": "training-job",
        "name": "demo",
        "project": "demo",
        "state": "Completed",
        "created_at": "2026-11-24T08:00:00.000+00:00",
        "started_at": "2026-11-24T08:00:00.000+00:00",
        "ended_at": "2026-11-24T08:01:30.500+00:00",
        "seconds": 90.5,
        "code_commit": "c0ffee",
        "code_dirty": False,
        "image_uri": "registry/image:1",
        "image_digest": "sha256:11",
        "algorithm": "gbdt",
        "metrics": {"rmse": 39.5},
        "params": {"max_iter": "200"},
        "seeds": {"seed": "7"},
        "notes": {"decision": "do not ship\nship"},
        "parents": {"a" * 32: "execution"},
        "data_versions": {"train": "sha256:22"},
        "data_uris": {"train": "s3://data/train/", "test": "s3://data/test/"},
    }
    assert set(row) <= set(COLUMNS)


def test_a_later_record_of_a_run_has_the_higher_row(store: RecordStore) -> None:
    records = [store.observe([one]).record for one in (state(9, "Completed"), state(1, "InProgress"), seen(2, tags={}))]

    orders = [order(row_of(record)) for record in records if record is not None]

    assert orders == sorted(set(orders))
    assert len(orders) == 3


def test_the_rows_of_a_batch_are_one_file_that_repeats_do_not_double(store: RecordStore) -> None:
    run = store.observe([state(1, "InProgress")])

    keys = {keep_rows(store, [run], now=MORNING) for _ in range(2)}

    assert keys == set(row_files(store))
    (key,) = row_files(store)
    assert key.startswith("rows/date=2026-11-24/083015-")
    assert [row["run_id"] for row in rows_in(store, key)] == [RUN]


def test_a_run_without_a_record_has_no_row(store: RecordStore) -> None:
    run = store.observe([seen(1, tags={"a": "b"})])

    assert keep_rows(store, [run, StoredRun(run_id="other")]) is None
    assert list(row_files(store)) == []


def test_a_forgotten_run_has_a_row_that_wins_over_all_others(store: RecordStore) -> None:
    run = store.observe([state(1, "InProgress"), seen(2, **FACTS)])
    assert run.record is not None

    key = forget_rows(store, [RUN])

    assert key is not None
    (row,) = rows_in(store, key)
    assert row["deleted"]
    assert order(row) > order(row_of(run.record))


def test_files_are_listed_from_a_moment_on_with_an_hour_for_those_that_come_late(store: RecordStore) -> None:
    run = store.observe([state(1, "InProgress")])
    keys = [
        keep_rows(store, [run], now=MORNING + timedelta(minutes=minutes))
        for minutes in (-24 * 60, -70, -50, 0, 24 * 60)
    ]

    assert list(row_files(store)) == keys
    assert list(row_files(store, after=key_before(moment_of(str(keys[3]))))) == keys[2:]
