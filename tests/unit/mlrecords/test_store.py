"""The store on a real S3 emulator."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mlrecords.canonical import canonical, digest
from mlrecords.codec import InvalidDocumentError
from mlrecords.store import MissingBlobError, RecordStore, RunNotFoundError
from tests.unit.mlrecords.observed import RUN, seen, state


def test_observations_make_a_record_that_lies_under_its_own_digest(store: RecordStore) -> None:
    store.observe([state(1, "InProgress")])
    store.observe([state(2, "Completed"), seen(3, tags={"a": "b"})])
    run = store.run(RUN)
    assert run.record_digest == digest(canonical(run.record))
    hexadecimal = run.record_digest.removeprefix("sha256:")
    found = store.s3.get_object(Bucket=store.bucket, Key=f"records/{hexadecimal[:2]}/{hexadecimal}.json")
    assert found["Body"].read() == canonical(run.record)
    assert store.record(RUN).status.state == "Completed"
    assert store.record(RUN).tags == {"a": "b"}


def test_an_observation_that_comes_again_writes_nothing(store: RecordStore) -> None:
    store.observe([state(1, "InProgress")])
    store.observe([state(1, "InProgress")])
    versions = store.s3.list_object_versions(Bucket=store.bucket, Prefix="runs/")["Versions"]
    assert len(versions) == 1


def test_observations_that_arrive_at_once_are_all_kept(store: RecordStore) -> None:
    facts = [state(1, "InProgress"), *(seen(number, tags={f"tag-{number}": "x"}) for number in range(20))]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: store.observe([one]), facts))
    assert len(store.record(RUN).tags) == 20


def test_what_is_no_record_leaves_nothing_behind(store: RecordStore) -> None:
    with pytest.raises(InvalidDocumentError, match="mood"):
        store.observe([state(1, "InProgress"), seen(1, mood="good")])
    assert "Contents" not in store.s3.list_objects_v2(Bucket=store.bucket)


def test_a_run_that_is_not_there_is_said_to_be_missing(store: RecordStore) -> None:
    with pytest.raises(RunNotFoundError, match="has no record of run 'unknown'"):
        store.record("unknown")


def test_a_blob_is_what_its_digest_says(store: RecordStore) -> None:
    name = store.keep(b"a diff")
    assert store.keep(b"a diff") == name
    assert store.blob(name) == b"a diff"
    hexadecimal = name.removeprefix("sha256:")
    store.s3.put_object(Bucket=store.bucket, Key=f"blobs/{hexadecimal[:2]}/{hexadecimal}", Body=b"another")
    with pytest.raises(MissingBlobError, match="has other content"):
        store.blob(name)
    with pytest.raises(MissingBlobError, match="does not hold the blob"):
        store.blob(digest(b"never kept"))
