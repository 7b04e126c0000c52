"""Files that commands write for others to read."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """The file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
