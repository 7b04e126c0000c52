"""A source directory's own requirements.txt, which AWS's toolkit installs with pip when the job starts.

Here they are installed on top of the image's lock into an environment of their own, kept for the next job with the same
requirements, as long as it is among those used last (see `derived`). Where the image has them already, the image's environment is
used as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .derived import building, remove_least_recently_used, use
from .places import ToolkitError


@dataclass(frozen=True)
class Installer:
    """Which installer, into which place, with which settings (written by mllocal.images.installer)."""

    uv: str
    home: str
    name: str
    lock: str
    python: str
    settings: dict[str, str]

    @classmethod
    def read(cls, path: str) -> Installer:
        """The installer's description."""
        return cls(**json.loads(Path(path).read_text()))

    def python_for(self, code: Path) -> str:
        """The Python that has what a source directory's requirements.txt asks for. Raises `ToolkitError` when it cannot be had."""
        requirements = code / "requirements.txt"
        if not requirements.is_file() or self._image_has(requirements):
            return self.python
        directory = Path(self.home, f"{self.name}-{_digest(code)}")
        directory.parent.mkdir(parents=True, exist_ok=True)
        use(directory)
        with building(directory):
            if not directory.is_dir():
                print(f"Installing requirements.txt on top of the image: {_listed(requirements)}", flush=True)
                self._build(directory, requirements)
                remove_least_recently_used(directory.parent)
        os.utime(directory)
        return str(directory / "bin" / "python")

    def install_package(self, code: Path, target: Path) -> None:
        """Install the package of a source directory with setup.py, without its dependencies."""
        self._run("pip", "install", "--quiet", "--no-deps", "--target", str(target), str(code), python=self.python)

    def _image_has(self, requirements: Path) -> bool:
        asked = ("pip", "install", "--dry-run", "--offline", "-r", str(requirements))
        done = self._start(*asked, python=self.python, code=requirements.parent)
        return done.returncode == 0 and "Would make no changes" in done.stderr

    def _build(self, directory: Path, requirements: Path) -> None:
        prefix = f".building-{directory.name}-"
        for left_by_a_killed_build in directory.parent.glob(f"{prefix}*"):
            shutil.rmtree(left_by_a_killed_build)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=prefix) as scratch:
            fresh = Path(scratch, "environment")
            self._run("venv", "--quiet", "--relocatable", "--python", self.python, str(fresh))
            python = str(fresh / "bin" / "python")
            self._run("pip", "sync", "--quiet", "--require-hashes", self.lock, python=python)
            install = ("pip", "install", "--quiet", "--compile-bytecode", "-r", str(requirements))
            self._run(*install, python=python, code=requirements.parent)
            fresh.rename(directory)

    def _run(self, *words: str, python: str | None = None, code: Path | None = None) -> None:
        done = self._start(*words, python=python, code=code)
        if done.returncode != 0:
            raise ToolkitError(
                "InstallRequirementsError",
                f"{done.stderr.strip()}\nThe image does not have these packages and they could not be installed. Give this machine "
                "access to a package index, or register an image that has them: mlp images register <repository:tag> <directory>",
            )

    def _start(self, *words: str, python: str | None, code: Path | None = None) -> subprocess.CompletedProcess[str]:
        where = ["--python", python] if python else []
        return subprocess.run(
            [self.uv, *words, *where],
            capture_output=True,
            text=True,
            check=False,
            cwd=code,
            env=self.settings,
        )


def _digest(code: Path) -> str:
    """What an environment on top of the image is named after: the requirements, and every file where they may name files."""
    requirements = (code / "requirements.txt").read_bytes()
    if not re.search(rb"^\s*[-./]|@|\.(whl|zip|gz)", requirements, re.MULTILINE):
        return hashlib.sha256(requirements).hexdigest()[:12]
    digest = hashlib.sha256()
    for path in sorted(path for path in code.rglob("*") if path.is_file()):
        digest.update(path.relative_to(code).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _listed(requirements: Path) -> str:
    lines = (line.split("#", 1)[0].strip() for line in requirements.read_text().splitlines())
    return ", ".join(line for line in lines if line and not line.startswith("-"))
