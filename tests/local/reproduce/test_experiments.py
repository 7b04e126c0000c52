"""Small experiments run again from the store alone, in an empty directory, and come out as recorded: no false alarm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.local.reproduce.catalog import EXPERIMENTS, SERIES_FROM_S3, Experiment
from tests.local.reproduce.recording import Laboratory
from tests.local.reproduce.table import Table
from tests.local.workbench import Workbench

_CHOSEN = [one for one in EXPERIMENTS if "ALL_REPRODUCTIONS" in os.environ or one.is_representative]


@pytest.mark.parametrize("experiment", _CHOSEN, ids=lambda experiment: experiment.name)
def test_the_experiment_is_reproduced(
    experiment: Experiment, workbench: Workbench, tmp_path: Path, table: Table
) -> None:
    laboratory = Laboratory.create(workbench, tmp_path)
    run_id = experiment.record(laboratory)

    verdict = laboratory.judge(run_id, tmp_path / "clean")

    table.add("experiments that are reproduced", experiment.name, verdict, expected="reproduced")
    assert verdict.title == "reproduced", verdict


def test_what_was_overwritten_is_still_there_as_recorded(workbench: Workbench, tmp_path: Path) -> None:
    laboratory = Laboratory.create(workbench, tmp_path)
    run_id = SERIES_FROM_S3.record(laboratory)
    workbench.put("hourly.csv", "bikers\n1\n")

    strictly = laboratory.judge(run_id, tmp_path / "strict")
    as_recorded = laboratory.judge(run_id, tmp_path / "as-recorded", as_recorded=True)

    assert strictly.title == "not reproduced: data"
    assert "--as-recorded takes it" in strictly.sentences[0]
    assert as_recorded.title == "reproduced", as_recorded
