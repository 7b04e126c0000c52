"""Runs `mlp scaling`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner, Result

from mlp.main import app

START = datetime(2026, 3, 2, tzinfo=UTC)


def scaling(*arguments: str | float | Path) -> Result:
    return CliRunner().invoke(app, ["scaling", *map(str, arguments)])
