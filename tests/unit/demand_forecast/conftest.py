"""The example's jobs as its tests see them: modules of one directory, and one backtest that several tests look at."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from examples.demand_forecast.backtest import JOBS, Backtest, run_backtest
from examples.demand_forecast.history import DATA, final_origin

os.environ.setdefault("OMP_NUM_THREADS", "1")  # Threads that wait for busy cores take longer than one alone.
sys.path.append(str(JOBS))  # A job finds the modules beside it; so do these tests.


@pytest.fixture(scope="session")
def data_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds the example's data and nothing else."""
    directory = tmp_path_factory.mktemp("data")
    (directory / DATA.name).write_bytes(DATA.read_bytes())
    return directory


@pytest.fixture(scope="session")
def backtest_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the jobs of `backtest` read and wrote."""
    return tmp_path_factory.mktemp("backtest") / "run"


@pytest.fixture(scope="session")
def backtest(backtest_directory: Path) -> Backtest:
    """All jobs, run as processes on everything but the final week."""
    return run_backtest(backtest_directory, origin=final_origin())
