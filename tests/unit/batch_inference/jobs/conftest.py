"""The container scripts as their tests see them: beside the package that they share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.unit.batch_inference.jobs.scripts import JOBS, ScoringJob

os.environ.setdefault("OMP_NUM_THREADS", "1")  # Threads that wait for busy cores take longer than one alone.
sys.path.append(str(JOBS))


@pytest.fixture
def job(tmp_path: Path) -> ScoringJob:
    return ScoringJob(tmp_path)
