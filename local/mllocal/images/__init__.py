"""Images without Docker: an image URI stands for a locked Python environment on this machine.

`catalog.toml` lists the images of this project; a team adds its own in an `images.toml` (docs/images.md). What `train`, `serve` and
AWS's analysis containers run is in `inside/`, which the environment's own Python runs and which imports nothing of mllocal.
An environment is built at set-up if it is in the default set, otherwise when a job first needs it.
"""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from mllocal.images import installer
from mllocal.images.catalog import (
    HERE,
    REGISTRATIONS_FILE,
    REGISTRATIONS_VARIABLE,
    Entry,
    built_in,
    registered,
)
from mllocal.images.environments import Say
from mllocal.images.manifests import Manifest
from mllocal.images.registration import register

__all__ = [
    "REGISTRATIONS_FILE",
    "REGISTRATIONS_VARIABLE",
    "LocalImage",
    "UnknownImageError",
    "build",
    "build_all",
    "image_for",
    "known_images",
    "register",
]

_INSIDE = HERE / "inside" / "run.py"
_URI = re.compile(r"(?P<repository>[^:@]+(?::\d+/[^:@]+)?)(?::(?P<tag>[^:@/]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")
_REPORTED_PACKAGES = ("scikit_learn", "xgboost", "lightgbm", "sagemaker_core", "sagemaker", "numpy", "pandas")
_PROGRAM_SUFFIXES = {"": [], ".py": ["python"], ".sh": ["sh"]}


class UnknownImageError(Exception):
    """An image that no local environment stands for."""


@dataclass(frozen=True)
class LocalImage:
    """A local environment that stands for an image."""

    uri: str
    entry: Entry

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.entry.environment.name

    @property
    def directory(self) -> Path:
        """Where the environment is, or will be."""
        return self.entry.environment.directory

    @property
    def is_built(self) -> bool:
        """Whether the environment is there."""
        return self.entry.environment.is_built

    @property
    def bin_directory(self) -> Path:
        """The directory that comes first in a container's PATH. The environment is built now if nothing built it before."""
        self.entry.environment.build(_to_the_engine_log)
        return self.directory / "bin"

    @property
    def train_command(self) -> list[str]:
        """What `docker run IMAGE train` would start."""
        return self._team_program("train") or self._inside("train")

    @property
    def serve_command(self) -> list[str]:
        """What `docker run IMAGE serve` would start."""
        return self._team_program("serve") or self._inside("serve")

    @property
    def entrypoint(self) -> list[str]:
        """What the image runs as a processing job that names no entry point; empty when the image has none."""
        if self.entry.program is not None:
            return [str(self.bin_directory / "python"), str(_INSIDE), self.entry.program]
        return self._team_program("entrypoint") or []

    def prepare(self, say: Say) -> None:
        """Build the environment if need be, and tell the job's log which versions run where they are not those of AWS's image."""
        self.entry.environment.build(say)
        if self.entry.aws is not None:
            say(f"AWS's image {self.entry.label} has {self.entry.aws}; here it runs with {', '.join(self._versions())}")

    def _versions(self) -> list[str]:
        found = {
            name.lower(): version
            for path in self.directory.glob("lib/python*/site-packages/*.dist-info")
            for name, version in [path.stem.rsplit("-", 1)]
        }
        reported = [f"{name.replace('_', '-')} {found[name]}" for name in _REPORTED_PACKAGES if name in found]
        return [f"Python {platform.python_version()}", *reported]

    def _inside(self, verb: str) -> list[str]:
        python = str(self.bin_directory / "python")
        return [python, str(_INSIDE), verb, "--installer", str(installer.write(self.entry.environment))]

    def _team_program(self, verb: str) -> list[str] | None:
        """A program of the team's image directory: `train` itself if it is executable, `train.py` or `train.sh`."""
        if self.entry.directory is None:
            return None
        for suffix, runner in _PROGRAM_SUFFIXES.items():
            path = self.entry.directory / f"{verb}{suffix}"
            if path.is_file():
                program = [str(self.bin_directory / "python")] if runner == ["python"] else runner
                return [*program, str(path), *([] if verb == "entrypoint" else [verb])]
        return None


def known_images() -> dict[str, LocalImage]:
    """Every image there is, by `repository:tag`; a team's own come first and win."""
    return {entry.label: LocalImage(entry.label, entry) for entry in reversed((*registered(), *built_in()))}


def image_for(uri: str) -> LocalImage:
    """The environment that stands for an image URI, whatever its registry. Raises `UnknownImageError`.

    By its digest an image is found whatever its tag, as long as what it is made of is as it was.
    """
    match = _URI.fullmatch(uri)
    if match is not None:
        for entry in (*registered(), *built_in()):
            if _is_meant(entry, match):
                return LocalImage(uri, entry)
    raise UnknownImageError(
        f"image {uri!r} has no local environment; the embedded AWS has one for {', '.join(sorted(known_images()))}. "
        f"Register a directory with a locked requirements.txt for it: mlp images register {_suggested_name(uri)} <directory>"
    )


def _is_meant(entry: Entry, match: re.Match[str]) -> bool:
    if match["digest"] is None:
        return entry.stands_for(match["repository"], match["tag"] or "latest")
    return entry.is_in(match["repository"]) and Manifest(entry).digest == match["digest"]


def _suggested_name(uri: str) -> str:
    """The name to register an image under: without the registry, and with a tag."""
    name = re.sub(r"^[^/]*[.:][^/]*/", "", uri).split("@", 1)[0]
    return name if ":" in name else f"{name}:latest"


def build(image: LocalImage, progress: Say) -> None:
    """Build an image's environment unless it is there. Of several at once, one builds and the others wait."""
    image.entry.environment.build(progress)


def build_all(progress: Say) -> None:
    """Build the environments of the default set that are not there yet; the others are built when a job first needs them."""
    for entry in built_in():
        if entry.is_default:
            entry.environment.build(progress)


def _to_the_engine_log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
