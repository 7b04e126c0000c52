"""The environments that sources' requirements made: how many are kept, and that none is removed while a job uses it."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT = 10
"""How many stay when one more is built; those that jobs use stay in any case."""


@contextmanager
def building(directory: Path) -> Iterator[None]:
    """Hold the right to build an environment; of several processes one does, the others wait."""
    lock = _open(directory, "lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def use(directory: Path) -> None:
    """Say that this process uses an environment, whether it is there yet or not, to its end and that of what it starts with exec."""
    lock = _open(directory, "used")
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.set_inheritable(lock, True)  # Never closed: the end of the process gives it back.


def remove_least_recently_used(home: Path, kept: int = KEPT) -> None:
    """Remove all but so many environments, the one first that was used longest ago, and none that is used now."""
    found = [path for path in home.iterdir() if path.is_dir() and not path.name.startswith(".")]
    found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for directory in found[kept:]:
        lock = _open(directory, "used")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with tempfile.TemporaryDirectory(dir=home, prefix=".removing-") as scratch:
                directory.rename(Path(scratch, "environment"))
        except (BlockingIOError, FileNotFoundError):
            continue  # A job uses it, or another process removed it.
        finally:
            os.close(lock)


def _open(directory: Path, kind: str) -> int:
    return os.open(directory.parent / f".{directory.name}.{kind}", os.O_RDWR | os.O_CREAT, 0o600)
