"""A team's own images: `images.toml`, written and read."""

from __future__ import annotations

import os
from pathlib import Path

from mllocal.images.catalog import REGISTRATIONS_FILE, checked_directory, read_registrations, split_name

_HEADER = "# Images of this directory's embedded AWS: a name, and the directory with its locked requirements.txt.\n"


def register(image: str, directory: Path, *, at: Path) -> Path:
    """Let `repository:tag` stand for a directory with a locked `requirements.txt`, in the `images.toml` of the directory `at`.

    An image that was registered before now stands for the new directory. A running engine sees the change at once. Returns
    the file. Raises `EngineError` when the name, the directory or what the file holds already is wrong.
    """
    split_name(image)
    checked_directory(directory.resolve())
    path = at / REGISTRATIONS_FILE
    kept = [
        (f"{entry.repository}:{entry.tags[0]}", entry.directory, entry.what)
        for entry in read_registrations(path)
        if f"{entry.repository}:{entry.tags[0]}" != image
    ]
    entries = [*kept, (image, directory.resolve(), "a team's own image")]
    text = _HEADER + "".join(_entry(name, _relative(folder, at), what) for name, folder, what in entries if folder)
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(path)
    return path


def _relative(directory: Path, at: Path) -> str:
    return Path(os.path.relpath(directory, at.resolve())).as_posix()


def _entry(image: str, directory: str, what: str) -> str:
    return f"\n[[image]]\nimage = {_quoted(image)}\ndirectory = {_quoted(directory)}\nwhat = {_quoted(what)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
