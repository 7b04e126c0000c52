from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.servers import mlflow_server, s3_server
from tests.unit.tracking.scripts import RESIDUALS
from tests.unit.tracking.store import Account, Checkout

pytest.register_assert_rewrite("tests.unit.tracking.checks")  # So that a failure shows the values, as in a test.


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


@pytest.fixture
def residuals(team: Checkout) -> Checkout:
    """A repository with a script, its data, and a first commit."""
    team.write("work/train.py", RESIDUALS)
    team.write("work/data/train.csv", "age,price\n3,9000\n5,7000.5\n")
    team.write(".gitignore", "model.txt\n")
    team.commit()
    return team
