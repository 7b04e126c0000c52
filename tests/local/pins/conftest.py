"""What pins are made with: the clients of the capture function, a store, and a bucket with versions."""

from __future__ import annotations

import boto3
import pytest

import mllocal
from mlrecords.pins import Clients
from mlrecords.store import RecordStore
from tests.local.workbench import Workbench


@pytest.fixture
def clients(engine: mllocal.Engine, monkeypatch: pytest.MonkeyPatch) -> Clients:
    """As the capture function makes them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", engine.endpoint_url)
    session = boto3.Session(engine.account, "secret", region_name=engine.region)
    return Clients.of(session, usd_per_hour={"ml.m5.large": 0.115})


@pytest.fixture
def store(workbench: Workbench) -> RecordStore:
    return RecordStore(workbench.engine.client("s3"), workbench.bucket)


@pytest.fixture
def versioned(workbench: Workbench) -> Workbench:
    """A bucket with versions."""
    workbench.engine.client("s3").put_bucket_versioning(
        Bucket=workbench.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    return workbench
