from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.servers import mlflow_server, s3_server
from tests.unit.tracking.store import Account, Checkout


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    directory = tmp_path_factory.mktemp("account")
    with s3_server(directory) as s3, mlflow_server(directory) as mlflow_url:
        yield Account.create(s3.meta.endpoint_url, mlflow_url)


@pytest.fixture
def team(account: Account, tmp_path: Path) -> Checkout:
    """An empty repository of a team, in an account whose earlier observations are gone."""
    account.observed()
    root = tmp_path / "repository"
    root.mkdir()
    return Checkout(root=root, home=tmp_path / "state", account=account)
