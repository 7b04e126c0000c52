"""Locked Python environments that stand for images: where they are, and how they are built once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mllocal.errors import EngineError

Say = Callable[[str], None]

# Where pip puts what a job installs while it runs: into the job's own directory, not into the environment all jobs share.
_JOB_PACKAGES = "/opt/ml/packages"
_JOB_PACKAGES_PTH = f"import sys; sys.path.insert(0, {_JOB_PACKAGES!r})\n"


@dataclass(frozen=True)
class Environment:
    """A Python environment with exactly what a `requirements.txt` locks.

    It is under the running Python's prefix and named after what it was built from, so a changed lock is another environment.
    """

    name: str
    requirements: Path

    @property
    def directory(self) -> Path:
        """Where the environment is."""
        digest = hashlib.sha256(self.requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
        return home() / f"{self.name}-{digest}"

    @property
    def is_built(self) -> bool:
        """Whether the environment is there. It appears by one rename, so it is whole or not there."""
        return self.directory.is_dir()

    def build(self, say: Say) -> None:
        """Build the environment unless it is there. Of several at once, in any thread or process, one builds and the others wait.

        `say` gets a line at the start and one at the end. Raises `EngineError` with what the installer said.
        """
        if self.is_built:
            return
        with _only_one(self.directory, say):
            if not self.is_built:
                say(f"building the local environment of {self.name} (once)")
                self._build()
                say(f"the local environment of {self.name} is ready")

    def _build(self) -> None:
        with tempfile.TemporaryDirectory(dir=home(), prefix=".building-") as scratch:
            fresh = Path(scratch) / "environment"
            _run([uv(), "venv", "--quiet", "--relocatable", "--python", sys.executable, str(fresh)])
            sync = [uv(), "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes"]
            _run([*sync, "--python", str(fresh / "bin" / "python"), str(self.requirements)])
            _send_later_installs_to_the_job(fresh)
            fresh.rename(self.directory)


def home() -> Path:
    """The directory of all environments."""
    return Path(sys.prefix) / "images"


def uv() -> str:
    """The installer. Raises `EngineError` where there is none."""
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise EngineError("uv is not installed, which builds the environments of jobs; install mlplatform[local]")
    return found


def _send_later_installs_to_the_job(environment: Path) -> None:
    """Where an environment has pip, point it at the job's directory, and Python's path with it."""
    for packages in environment.glob("lib/python*/site-packages"):
        if (packages / "pip").is_dir():
            (environment / "pip.conf").write_text(f"[install]\ntarget = {_JOB_PACKAGES}\n")
            (packages / "_job_packages.pth").write_text(_JOB_PACKAGES_PTH)


@contextmanager
def _only_one(directory: Path, say: Say) -> Iterator[None]:
    """Hold the lock of an environment; it is given back when the process ends, however it ends."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / f".{directory.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another job that builds {directory.name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EngineError(f"building a local image failed: {' '.join(command)}\n{done.stderr.strip()}")
