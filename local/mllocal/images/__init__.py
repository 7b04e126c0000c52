"""Images without Docker: an image URI stands for a locked Python environment on this machine.

Each folder here is one image: `requirements.txt` (locked with hashes) and nothing else. `toolkit.py` is what `train` and `serve`
run in all of them. An environment is built once, under the running Python's prefix, and named after what it was built from.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mllocal.errors import EngineError

_HERE = Path(__file__).parent
TOOLKIT = _HERE / "toolkit.py"
_URI = re.compile(r"(?:^|/)(?P<repository>[^/:@]+):(?P<tag>[^:@]+)$")
# Repository and tag of an image -> its folder here.
_FOLDERS = {("sagemaker-scikit-learn", "1.9-0-cpu-py3"): "scikit_learn_1_9_0"}


class UnknownImageError(Exception):
    """An image that no local environment stands for."""


@dataclass(frozen=True)
class LocalImage:
    """A local environment that stands for an image."""

    name: str
    requirements: Path

    @property
    def directory(self) -> Path:
        """Where the environment is; its name changes with what is locked and with the Python it is built for."""
        digest = hashlib.sha256(self.requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
        return Path(sys.prefix) / "images" / f"{self.name}-{digest}"

    @property
    def bin_directory(self) -> Path:
        """The directory that comes first in a container's PATH."""
        return self.directory / "bin"

    @property
    def train_command(self) -> list[str]:
        """What `docker run IMAGE train` would start."""
        return [str(self.bin_directory / "python"), str(TOOLKIT), "train"]

    @property
    def serve_command(self) -> list[str]:
        """What `docker run IMAGE serve` would start."""
        return [str(self.bin_directory / "python"), str(TOOLKIT), "serve"]

    @property
    def is_built(self) -> bool:
        """Whether the environment is there. It appears by one rename, so it is whole or not there."""
        return self.directory.is_dir()


def known_images() -> dict[str, LocalImage]:
    """Every image there is, by `repository:tag`."""
    return {
        f"{repository}:{tag}": LocalImage(folder, _HERE / folder / "requirements.txt")
        for (repository, tag), folder in _FOLDERS.items()
    }


def image_for(uri: str) -> LocalImage:
    """The environment that stands for an image URI, whatever its registry. Raises `UnknownImageError`."""
    match = _URI.search(uri)
    image = known_images().get(f"{match['repository']}:{match['tag']}") if match else None
    if image is None:
        raise UnknownImageError(
            f"image {uri!r} has no local environment; the embedded AWS has one for {', '.join(known_images())}"
        )
    return image


def build(image: LocalImage, progress: Callable[[str], None]) -> None:
    """Build an image's environment unless it is there. Safe to run twice at once: the first to finish wins."""
    if image.is_built:
        return
    progress(f"building the local environment of {image.name}")
    parent = image.directory.parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".building-") as scratch:
        fresh = Path(scratch) / "environment"
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
        if uv is None:
            raise EngineError("uv is not installed, which builds the environments of jobs; install mlplatform[local]")
        _run([uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(fresh)])
        sync = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes"]
        _run([*sync, "--python", str(fresh / "bin" / "python"), str(image.requirements)])
        if not image.is_built:
            fresh.rename(image.directory)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(f"building a local image failed: {' '.join(command)}\n{done.stderr.strip()}")


def build_all(progress: Callable[[str], None]) -> None:
    """Build every image's environment that is not there yet."""
    for image in known_images().values():
        build(image, progress)
