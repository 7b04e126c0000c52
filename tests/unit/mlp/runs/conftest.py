"""A local copy of made-up runs, and an account with an experiment store on an emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlp.runs import cache
from mlrecords.canonical import canonical
from mlrecords.rows import packed
from tests.unit.stores import s3, store

__all__ = ["s3", "store"]


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Callable[..., cache.Cache]]:
    """A copy that has taken in rows; each call adds those of one file."""
    with cache.opened(tmp_path / "copy") as copy:
        files = iter(range(1_000_000))

        def take_in(*rows: dict[str, Any]) -> cache.Cache:
            path = tmp_path / f"{next(files)}.jsonl.gz"
            path.write_bytes(packed([canonical(row) for row in rows])[1])
            copy.take_in([str(path)])
            return copy

        yield take_in
