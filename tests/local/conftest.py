"""One embedded AWS for all tests of this folder, and a bucket and a role to work with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import mllocal
from mlp.target import RECORDS_PARAMETER
from mlrecords.store import RecordStore
from tests.local.workbench import Workbench


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mllocal.Engine]:
    """A running engine; stopped at the end of the session."""
    directory = tmp_path_factory.mktemp("engine")
    try:
        yield mllocal.up(directory)
    finally:
        log = Path(directory, ".mlp", "engine.log")
        print(log.read_text()[-3000:] if log.exists() else "the engine left no log")
        mllocal.down(directory)


@pytest.fixture
def workbench(engine: mllocal.Engine, request: pytest.FixtureRequest) -> Workbench:
    """A fresh bucket on the engine, and what tests do again and again."""
    return Workbench.create(engine, request.node.name)


@pytest.fixture
def store(workbench: Workbench) -> Iterator[RecordStore]:
    """A store of run records that the command line finds, for this test only: others deploy one."""
    ssm = workbench.engine.client("ssm")
    ssm.put_parameter(Name=RECORDS_PARAMETER, Value=workbench.bucket, Type="String", Overwrite=True)
    yield RecordStore(workbench.engine.client("s3"), workbench.bucket)
    ssm.delete_parameter(Name=RECORDS_PARAMETER)
