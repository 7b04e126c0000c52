"""A demand to play policies on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.mlp.scaling.commands import START


@pytest.fixture
def demand(no_aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four days by five minutes: 5 requests per second, and 60 for an hour at noon."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    lines = ["time,requests"]
    for place in range(4 * 288):
        moment = START + timedelta(minutes=5 * place)
        lines.append(f"{moment:%Y-%m-%dT%H:%M:%S},{300 * (60 if moment.hour == 12 else 5)}")
    path = tmp_path / "noon.csv"
    path.write_text("\n".join(lines))
    return path
