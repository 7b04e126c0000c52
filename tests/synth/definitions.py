"""Definitions of projects that declare nothing."""

from __future__ import annotations

from mlplatform.project import MlProject

NOT_A_FUNCTION = "text"


def define(project: MlProject) -> None:
    """A project with its home and nothing in it."""
