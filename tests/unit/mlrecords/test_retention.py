"""Forgetting a run marks all that is of it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from mlrecords.observations import run_id_of
from mlrecords.retention import forget
from mlrecords.rows import row_files, unpacked
from mlrecords.store import RecordStore
from tests.unit.mlrecords.observed import RUN, seen, state


@pytest.fixture
def store(s3: Any, bucket: str) -> RecordStore:
    return RecordStore(s3, bucket)


def marked(store: RecordStore) -> set[str]:
    """Keys of which every version is marked."""
    versions = store.s3.list_object_versions(Bucket=store.bucket)["Versions"]
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
    store.observe([type(other)(run_id=run_id_of("other"), source="event", order=other.order, facts=other.facts)])

    keys = forget(store, RUN)

    assert marked(store) == set(keys)
    assert [key.split("/")[0] for key in keys] == ["runs", "records", "records"]
    (rows,) = row_files(store)
    (row,) = unpacked(store.s3.get_object(Bucket=store.bucket, Key=rows)["Body"].read())
    assert (row["run_id"], row["deleted"]) == (RUN, True)


def test_content_is_marked_only_when_asked_for(store: RecordStore) -> None:
    listing, diff = store.keep(b"listing"), store.keep(b"diff")
    store.observe(
        [state(1, "Completed"), seen(1, code={"diff": diff}, outputs={"m": {"uri": "s3://d", "listing": listing}})]
    )
    assert not [key for key in forget(store, RUN) if key.startswith("blobs/")]
    assert len([key for key in forget(store, RUN, with_content=True) if key.startswith("blobs/")]) == 2
