from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.servers import s3_server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a real S3 emulator, one for the session."""
    with s3_server(tmp_path_factory.mktemp("s3")) as client:
        yield client


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """A versioned bucket of the test's own."""
    name = f"test-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name
