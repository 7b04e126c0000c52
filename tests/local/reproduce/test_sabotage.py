"""What makes a run come out differently is found, and called by its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.local.reproduce.sabotage import CASES, Case
from tests.local.workbench import Workbench

_CHOSEN = [case for case in CASES if "ALL_REPRODUCTIONS" in os.environ or case.is_representative]


@pytest.mark.parametrize("case", _CHOSEN, ids=lambda case: case.name)
def test_the_cause_is_found(case: Case, workbench: Workbench, tmp_path: Path) -> None:
    verdict = case.verdict(workbench, tmp_path)

    print(f"{case.name:50} {verdict.title:28} {verdict.runs} runs: {verdict.sentences[0]}")
    assert verdict.title == f"not reproduced: {case.cause}", verdict
