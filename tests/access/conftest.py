"""The three projects, synthesized once."""

from __future__ import annotations

import pytest

from tests.access.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three projects with everything switched on."""
    return World.synthesize(tmp_path_factory.mktemp("access"))
