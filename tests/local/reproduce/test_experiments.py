"""Small experiments run again from the store alone, in an empty directory, and come out as recorded: no false alarm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.local.reproduce.catalog import EXPERIMENTS, Experiment
from tests.local.reproduce.recording import Laboratory
from tests.local.workbench import Workbench

_ALL = "ALL_REPRODUCTIONS" in os.environ
_CHOSEN = [experiment for experiment in EXPERIMENTS if _ALL or experiment.is_representative]


@pytest.mark.parametrize("experiment", _CHOSEN, ids=lambda experiment: experiment.name)
def test_the_experiment_is_reproduced(experiment: Experiment, workbench: Workbench, tmp_path: Path) -> None:
    laboratory = Laboratory.create(workbench, tmp_path)
    run_id = experiment.record(laboratory)

    verdict = laboratory.judge(run_id, tmp_path / "clean")

    print(f"{experiment.name:34} {verdict.title:28} {verdict.runs} runs: {verdict.sentences[0]}")
    assert verdict.title == "reproduced", verdict
