"""Whether the seeds of a record are those that the run used, and how another seed is given to it. Pure but for reading the code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from mlp.reproduce.verdict import Cause, Finding

_LARGEST_SOURCE_BYTES = 1_000_000
_SOURCES = frozenset({".py", ".yaml", ".yml", ".toml", ".json", ".cfg", ".ini", ".sh", ".ipynb", ".env"})


def contradictions(seeds: Mapping[str, str], command: Sequence[str], *settings: Mapping[str, str]) -> Iterator[Finding]:
    """Seeds that the record gives another value than the command, hyperparameters or variables of the same record do."""
    given = {name: value for setting in (options(command), *settings) for name, value in setting.items()}
    by_name = {_normal(name): (name, value) for name, value in given.items()}
    for name, value in seeds.items():
        said, used = by_name.get(_normal(name), (name, value))
        if used != value:
            yield Finding(
                cause=Cause.SEED,
                sentence=f"the record's seeds say {name}={value}, but the run was given {said}={used}",
            )


def unused(
    seeds: Mapping[str, str], used: frozenset[str] | None, command: Sequence[str], code: Path
) -> Iterator[Finding]:
    """Recorded seeds that the code neither used nor was told, while it used others."""
    if not used or any(value in used or value in given for value in seeds.values() for given in [_words(command)]):
        return
    for name, value in seeds.items():
        if value.isdecimal() and not _is_written(value, code):
            listed = ", ".join(sorted(used, key=int))
            yield Finding(
                cause=Cause.SEED,
                sentence=f"the record's seeds say {name}={value}, but the code seeds its generators with {listed}",
            )


def options(command: Sequence[str]) -> dict[str, str]:
    """`--name value` and `--name=value` of a command, by name."""
    found = {}
    for word, after in pairwise((*command, "")):
        name, is_assigned, value = word.partition("=")
        if word.startswith("-"):
            found[name.lstrip("-")] = value if is_assigned else after
    return found


def with_other_seeds(command: Sequence[str], seeds: Mapping[str, str], offset: int) -> list[str]:
    """The command with each seed option moved by an offset."""
    named = {_normal(name) for name, value in seeds.items() if value.isdecimal()}
    moved = []
    for before, word in pairwise(("", *command)):
        name, is_assigned, value = word.partition("=")
        if word.startswith("-") and is_assigned and _normal(name.lstrip("-")) in named:
            moved.append(f"{name}={_moved(value, offset)}")
        elif _normal(before.lstrip("-")) in named and before.startswith("-") and "=" not in before:
            moved.append(_moved(word, offset))
        else:
            moved.append(word)
    return moved


def moved_values(settings: Mapping[str, str], seeds: Mapping[str, str], offset: int) -> dict[str, str]:
    """Hyperparameters or variables with each seed among them moved by an offset."""
    named = {_normal(name) for name in seeds}
    return {name: _moved(value, offset) if _normal(name) in named else value for name, value in settings.items()}


def _moved(value: str, offset: int) -> str:
    return str(int(value) + offset) if value.strip('"').isdecimal() and value.isdecimal() else value


def _words(command: Sequence[str]) -> set[str]:
    return {part for word in command for part in word.split("=")}


def _is_written(value: str, code: Path) -> bool:
    """Whether some file of the code gives a seed this value, in a way that cannot be watched."""
    form = re.compile(rf"(seed|random_?state)\w*[\"']?\)?\s*[=:(,]\s*{value}\b", re.IGNORECASE)
    files = (path for path in code.rglob("*") if path.suffix in _SOURCES and ".git" not in path.parts)
    return any(
        form.search(path.read_text(errors="replace"))
        for path in files
        if path.is_file() and path.stat().st_size <= _LARGEST_SOURCE_BYTES
    )


def _normal(name: str) -> str:
    return name.lower().replace("-", "_")
