"""What a pipeline publishes, for other parts of its project that read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PublishedOutput:
    """The names of the columns, and whether each file lies there as JSON lines, too."""

    columns: tuple[str, ...]
    json_lines: bool
