"""Files that commands write for others to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlp.errors import bad_input


def refuse_unwritable(path: Path | None) -> None:
    """Asked before the work begins, so that its result is not lost. Raises `CliError` if there can be no such file."""
    try:
        problems = [] if path is None else list(_problems(path))
    except OSError as error:
        problems = [f"{path} cannot be written: {error.strerror}"]
    if problems:
        raise bad_input(problems, fix="name a file in a directory that is there, and that you may write to")


def write_whole(path: Path, content: str | bytes) -> None:
    """The file appears whole or not at all. Raises `CliError`."""
    refuse_unwritable(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise bad_input(
            [f"{path} cannot be written: {error.strerror}"], fix="make room, or name another file"
        ) from error


def _problems(path: Path) -> Iterator[str]:
    if not path.parent.is_dir():
        yield f"{path} cannot be written: there is no directory {path.parent}"
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        yield f"{path} cannot be written: you may not write to {path.parent}"
    elif path.exists() and not path.is_file():
        yield f"{path} cannot be written: it is {'a directory' if path.is_dir() else 'no file'}"
