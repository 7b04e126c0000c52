"""The Python environment of a script: the recorded version of Python and exactly the recorded packages, built by uv."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mlp.errors import CliError, ExitCode
from mlp.reproduce.verdict import Cause, Finding, NotReproducibleError, cannot
from mlrecords.canonical import canonical, digest
from mlrecords.record import Environment

KEPT = 8
"""So many environments are kept for the next runs, those used last."""
_OURS = "mlplatform"
_OURS_PACKAGES = ("mlplatform", "mlrecords")
_UNREACHABLE = re.compile(r"error sending request|dns error|connection|timed? ?out|network connectivity", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class PythonEnvironment:
    """A virtual environment. `differences` are what could not be had as recorded and need not matter; `lock` says that it is used."""

    directory: Path
    differences: tuple[Finding, ...] = ()
    lock: IO[str] | None = None

    @property
    def bin(self) -> Path:
        """The directory of its programs."""
        return self.directory / "bin"

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.bin / "python")

    @property
    def bytecode(self) -> Path:
        """What its runs compile, kept for the next ones: most packages are never imported, so nothing is compiled beforehand."""
        return self.directory / "bytecode"


def build(recorded: Environment) -> PythonEnvironment:
    """Build it, or take the one that was built for another run with the same Python and packages.

    The wheels come from uv's cache, by hard links, or from the package index. Where the recorded patch release of Python is not to be
    had, another of the same minor version is taken, which is noted. The platform's own package, which runs the tracking, is linked from
    the installation of this command.

    Raises `NotReproducibleError`: `environment` without Python, `package` for what cannot be installed; `CliError` without an index.
    """
    if recorded.python is None:
        raise cannot(Cause.ENVIRONMENT, "the record does not say which Python it ran on")
    if not recorded.packages:
        raise cannot(Cause.PACKAGE, "the record does not say which packages were installed")
    name = digest(canonical([recorded.python, dict(recorded.packages)])).removeprefix("sha256:")[:16]
    home = Path(sys.prefix) / "environments"
    home.mkdir(exist_ok=True)
    lock = _lock(home / name).open("w")
    fcntl.flock(lock, fcntl.LOCK_SH)  # Until this process ends: nobody removes what it uses.
    if not (home / name).is_dir():
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / name).is_dir():
            _build(recorded.python, recorded.packages, home / name)
            _remove_least_recently_used(home)
        fcntl.flock(lock, fcntl.LOCK_SH)
    os.utime(home / name)
    differences = tuple(_differences(recorded, home / name))
    return PythonEnvironment(directory=home / name, differences=differences, lock=lock)


def _build(python: str, packages: Mapping[str, str], directory: Path) -> None:
    """It appears by one rename, so it is whole or not there."""
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".building-") as scratch:
        environment = PythonEnvironment(directory=Path(scratch) / "environment")
        _create(python, environment.directory)
        _install(environment, packages)
        _link_ours(environment, packages)
        environment.directory.rename(directory)


def _create(version: str, directory: Path) -> None:
    minor = ".".join(version.split(".")[:2])
    for wanted in dict.fromkeys((version, minor)):
        done = uv("venv", "--quiet", "--relocatable", "--python", wanted, str(directory))
        if done.returncode == 0:
            return
    raise cannot(Cause.ENVIRONMENT, f"the run had Python {version}, which cannot be had here: {said_by(done)}")


def _install(environment: PythonEnvironment, packages: Mapping[str, str]) -> None:
    wanted = {name: version for name, version in packages.items() if normal_name(name) != _OURS}
    if not wanted:
        return
    listed = environment.directory / "packages.txt"
    listed.write_text("".join(f"{name}=={version}\n" for name, version in sorted(wanted.items())))
    done = uv("pip", "install", "--quiet", "--no-deps", "--python", environment.python, "--requirements", str(listed))
    if done.returncode != 0:
        raise _not_installed(said_by(done), wanted)
    has = {normal_name(item["name"]): item["version"] for item in _listed(environment)}
    other = [
        f"{name} {version} was installed, and {name} is now {has.get(normal_name(name), 'missing')}"
        for name, version in wanted.items()
        if _release(has.get(normal_name(name), "")) != _release(version)
    ]
    if other:
        raise NotReproducibleError(*(Finding(cause=Cause.PACKAGE, sentence=sentence) for sentence in other))


def _not_installed(said: str, wanted: Mapping[str, str]) -> Exception:
    named = sorted(
        {name for name, version in wanted.items() if re.search(rf"\b{re.escape(name)}=={re.escape(version)}", said)}
    )
    if not named and _UNREACHABLE.search(said):
        fix = "give this machine access to the index, or set UV_INDEX_URL to one that it reaches"
        return CliError(f"the package index cannot be reached: {said}", fix=fix, exit_code=ExitCode.NOT_FOUND)
    what = ", ".join(f"{name} {wanted[name]}" for name in named) or "a package"
    return cannot(Cause.PACKAGE, f"{what} cannot be installed any more: {said}")


def _link_ours(environment: PythonEnvironment, packages: Mapping[str, str]) -> None:
    """The platform's own package is on no index: the tracking that the script imports is the one that runs here."""
    if _OURS not in map(normal_name, packages):
        return
    (target,) = environment.directory.glob("lib/python*/site-packages")
    for name in _OURS_PACKAGES:
        found = importlib.util.find_spec(name)
        for place in (found.submodule_search_locations or ()) if found else ():
            (target / name).symlink_to(place, target_is_directory=True)


def _differences(recorded: Environment, directory: Path) -> list[Finding]:
    asked = [
        str(directory / "bin" / "python"),
        "-c",
        "import platform; print(platform.python_version(), platform.platform())",
    ]
    used, here = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split(maxsplit=1)
    found = []
    if used != recorded.python:
        found.append(f"Python {used} ran it instead of {recorded.python}")
    if recorded.platform not in (None, here.strip()):
        found.append(f"it ran on {here.strip()} instead of {recorded.platform}")
    return [Finding(cause=Cause.ENVIRONMENT, sentence=sentence) for sentence in found]


def _remove_least_recently_used(home: Path) -> None:
    built = [path for path in home.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for path in sorted(built, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        with _lock(path).open("w") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)


def _lock(environment: Path) -> Path:
    return environment.with_name(f".{environment.name}.lock")


def _listed(environment: PythonEnvironment) -> Sequence[Mapping[str, str]]:
    done = uv("pip", "list", "--quiet", "--format", "json", "--python", environment.python)
    listed: Sequence[Mapping[str, str]] = json.loads(done.stdout)
    return listed


def uv(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        fix = "install mlplatform[local], which brings it"
        raise CliError("uv is not installed, which builds the environment", fix=fix, exit_code=ExitCode.BAD_INPUT)
    variables = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return subprocess.run([found, *words], capture_output=True, text=True, check=False, env=variables, input=given)


def said_by(done: subprocess.CompletedProcess[str]) -> str:
    return re.sub(r"\s+", " ", done.stderr).strip()


def normal_name(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _release(version: str) -> str:
    return re.sub(r"(\.0)+$", "", version)
