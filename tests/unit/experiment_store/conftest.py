from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlrecords.store import RecordStore
from tests.unit.experiment_store.capturing import Captured, make_captured
from tests.unit.servers import ACCOUNT, REGION, mlflow_server


@pytest.fixture(scope="session")
def mlflow_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on SQLite."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as endpoint:
        yield endpoint


@pytest.fixture
def store(s3: Any, bucket: str) -> RecordStore:
    """The records of one test, on a real S3 emulator."""
    return RecordStore(s3, bucket)


@pytest.fixture
def captured(store: RecordStore) -> Captured:
    """A capture that writes them, with a real projection queue."""
    return make_captured(store)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", ACCOUNT),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", REGION),
    ):
        monkeypatch.setenv(name, value)
