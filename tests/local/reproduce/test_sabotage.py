"""What makes a run come out differently is found, and called by its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.local.reproduce.sabotage import CASES, Case
from tests.local.reproduce.table import Table
from tests.local.workbench import Workbench

_CHOSEN = [case for case in CASES if "ALL_REPRODUCTIONS" in os.environ or case.is_representative]


@pytest.mark.parametrize("case", _CHOSEN, ids=lambda case: case.name)
def test_the_cause_is_found(case: Case, workbench: Workbench, tmp_path: Path, table: Table) -> None:
    verdict = case.verdict(workbench, tmp_path)

    table.add("sabotaged runs whose cause is found", case.name, verdict, expected=f"not reproduced: {case.cause}")
    assert verdict.title == f"not reproduced: {case.cause}", verdict
