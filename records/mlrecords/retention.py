"""Forgetting a run: its objects are marked, and the bucket's lifecycle deletes what is marked.

    python -c "import boto3; from mlrecords.store import RecordStore; from mlrecords.retention import forget;
        print(forget(RecordStore(boto3.client('s3'), '<bucket>'), '<run id>', with_content=True))"

Whoever does it needs `s3:GetObject`, `s3:GetObjectVersion`, `s3:ListBucketVersions`, `s3:PutObjectTagging` and
`s3:PutObjectVersionTagging` on the bucket, and `s3:DeleteObject` and `s3:PutObject` on `rows/*`; no function of the store has them all.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mlrecords.compaction import compact
from mlrecords.observations import Document
from mlrecords.rows import forget_rows
from mlrecords.store import RecordStore, blob_key, record_key, run_key

MARK = {"TagSet": [{"Key": "forget", "Value": "true"}]}


def forget(store: RecordStore, run_id: str, *, with_content: bool = False) -> list[str]:
    """Mark a run and every record that it ever had, in all their versions, and take it out of search; the keys that were marked.

    `with_content` marks the blobs that its records name, too: its diff and its data listings. Runs with the same content lose it with
    this one. An event that comes later makes the run anew: forget runs that are over, and whose job is two days old.
    """
    versions = _versions(store, run_key(run_id))
    runs = [json.loads(_body(store, run_key(run_id), version)) for version in versions]
    records = {run["record"] for run in runs if run["record"] is not None}
    keys = [run_key(run_id), *(record_key(name) for name in sorted(records))]
    if with_content:
        named = {name for key in keys[1:] for name in _blobs(json.loads(_body(store, key, None)))}
        keys += [blob_key(name) for name in sorted(named)]
    for key in keys:
        for version in _versions(store, key):
            store.s3.put_object_tagging(Bucket=store.bucket, Key=key, VersionId=version, Tagging=MARK)
    forget_rows(store, [run_id])
    for day in {changed.date() for changed in versions.values()}:
        compact(store, day, forgotten={run_id})
    return keys


def _versions(store: RecordStore, key: str) -> dict[str, datetime]:
    """Every version of an object, and when it was written."""
    pages = store.s3.get_paginator("list_object_versions").paginate(Bucket=store.bucket, Prefix=key)
    found = (one for page in pages for one in page.get("Versions", ()) if one["Key"] == key)
    return {one["VersionId"]: one["LastModified"].astimezone(UTC) for one in found}


def _body(store: RecordStore, key: str, version: str | None) -> bytes:
    which: dict[str, Any] = {} if version is None else {"VersionId": version}
    body: bytes = store.s3.get_object(Bucket=store.bucket, Key=key, **which)["Body"].read()
    return body


def _blobs(record: Document) -> Iterator[str]:
    """Digests of the blobs that a record names."""
    data = (*record.get("inputs", {}).values(), *record.get("outputs", {}).values())
    yield from (name for name in (record.get("code", {}).get("diff"), *(one.get("listing") for one in data)) if name)
