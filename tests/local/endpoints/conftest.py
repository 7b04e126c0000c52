"""An engine whose clock of scaling runs sixty times as fast: a minute of CloudWatch is a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import mllocal
from tests.local.workbench import Workbench


@pytest.fixture(scope="module")
def fast_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mllocal.Engine]:
    """Stopped at the end of the module; what it printed is in the report of a failure."""
    directory = tmp_path_factory.mktemp("fast-engine")
    try:
        yield mllocal.up(directory, scaling_clock=mllocal.ScalingClock(speed=60))
    finally:
        log = Path(directory, ".mlp", "engine.log")
        print(log.read_text()[-3000:] if log.exists() else "the engine left no log")
        mllocal.down(directory)


@pytest.fixture
def fast(fast_engine: mllocal.Engine, request: pytest.FixtureRequest) -> Workbench:
    return Workbench.create(fast_engine, request.node.name)
