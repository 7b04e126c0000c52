"""One laboratory for the random definitions of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import mllocal
from tests.local.random_definitions.laboratory import Laboratory, laboratory_on


@pytest.fixture(scope="package")
def laboratory(engine: mllocal.Engine) -> Iterator[Laboratory]:
    """A region of the session's engine where random definitions run."""
    with laboratory_on(engine) as laboratory:
        yield laboratory
