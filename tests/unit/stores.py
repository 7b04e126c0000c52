"""Fixtures: a real S3 emulator, and a record store in a bucket of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlrecords.store import RecordStore
from tests.unit.servers import s3_server


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with s3_server(tmp_path_factory.mktemp("s3")) as client:
        yield client


@pytest.fixture
def store(s3: Any, request: pytest.FixtureRequest) -> RecordStore:
    bucket = request.node.name.replace("_", "-")[:60].rstrip("-")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return RecordStore(s3, bucket)
