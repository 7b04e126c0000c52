"""A table of all verdicts of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.reproduce.table import Table


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    """Printed at the end of the session."""
    collected = Table()
    yield collected
    print(collected)
