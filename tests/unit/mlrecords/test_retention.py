"""Forgetting a run marks all that is of it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mlrecords.observations import run_id_of
from mlrecords.retention import forget
from mlrecords.rows import keep_rows, row_files, unpacked
from mlrecords.store import RecordStore
from tests.unit.mlrecords.observed import RUN, seen, state


@pytest.fixture
def store(s3: Any, bucket: str) -> RecordStore:
    return RecordStore(s3, bucket)


def marked(store: RecordStore) -> set[str]:
    """Keys of which every version is marked, but for rows."""
    versions = [
        one
        for one in store.s3.list_object_versions(Bucket=store.bucket)["Versions"]
        if not one["Key"].startswith("rows/")
    ]
    tags = {
        (one["Key"], one["VersionId"]): store.s3.get_object_tagging(
            Bucket=store.bucket, Key=one["Key"], VersionId=one["VersionId"]
        )["TagSet"]
        for one in versions
    }
    plain = {key for (key, _), found in tags.items() if found != [{"Key": "forget", "Value": "true"}]}
    return {key for key, _ in tags} - plain


def test_a_forgotten_run_is_marked_with_every_record_that_it_had(store: RecordStore) -> None:
    listing = store.keep(b"listing")
    store.observe([state(1, "InProgress")])
    store.observe([state(2, "Completed"), seen(2, inputs={"train": {"uri": "s3://d/raw", "listing": listing}})])
    other = seen(1, identity={"kind": "script", "name": "other"}, status={"state": "Completed"})
    kept = store.observe([replace(other, run_id=run_id_of("other"))])
    keep_rows(store, [store.run(RUN), kept])

    keys = forget(store, RUN)

    assert marked(store) == set(keys)
    assert [key.split("/")[0] for key in keys] == ["runs", "records", "records"]
    rows = [
        row
        for key in row_files(store)
        for row in unpacked(store.s3.get_object(Bucket=store.bucket, Key=key)["Body"].read())
    ]
    assert {row["run_id"]: row.get("deleted", False) for row in rows} == {RUN: True, run_id_of("other"): False}
    assert "demo" not in str(rows)


def test_content_is_marked_only_when_asked_for(store: RecordStore) -> None:
    listing, diff = store.keep(b"listing"), store.keep(b"diff")
    store.observe(
        [state(1, "Completed"), seen(1, code={"diff": diff}, outputs={"m": {"uri": "s3://d", "listing": listing}})]
    )
    assert not [key for key in forget(store, RUN) if key.startswith("blobs/")]
    assert len([key for key in forget(store, RUN, with_content=True) if key.startswith("blobs/")]) == 2
