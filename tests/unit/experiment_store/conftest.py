from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.servers import mlflow_server, s3_server

CLAIMS_BUCKET = "claims"


@pytest.fixture(scope="session")
def claims_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a real S3 emulator with the bucket of the claims."""
    with s3_server(tmp_path_factory.mktemp("s3")) as client:
        client.create_bucket(Bucket=CLAIMS_BUCKET)
        yield client


@pytest.fixture(scope="session")
def mlflow_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on SQLite."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as endpoint:
        yield endpoint
