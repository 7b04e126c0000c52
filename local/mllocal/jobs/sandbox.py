"""How a job's process comes to see its own directory as `/opt/ml`, without a container engine.

Linux: a private mount namespace (`unshare`), as root or through a user namespace; nothing of it is visible outside the process.
Where the host forbids that (macOS, hardened kernels), the path is rewritten instead: `/opt/ml` at the start of arguments and
environment values becomes the job's directory. A script that has the literal path in its code then finds nothing there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mllocal.children import dying_with_parent

ML_ROOT = "/opt/ml"
# A file of this name in the directory that is given to `launch` becomes the process's /etc/hosts.
HOSTS_FILE = "hosts"
PROBE_SECONDS = 20
# One `mount` does all mounts of a table: a process for each would cost more than they do. No --fork: signals reach the command.
_MOUNT_AND_RUN = 'mount --all --fstab "$0" && exec "$@"'
_ML_PATH = re.compile(rf"{ML_ROOT}(?![\w-])")
_UNSHARE = (("unshare", "-m"), ("unshare", "-Urm"))


@dataclass(frozen=True)
class Launch:
    """What to start: a command line and its environment."""

    command: list[str]
    environment: dict[str, str]


@cache
def private_mount_command() -> tuple[str, ...] | None:
    """The `unshare` that works on this host, found by trying; None where none does."""
    return next((command for command in _UNSHARE if _works(command)), None)


def _works(unshare: Sequence[str]) -> bool:
    if shutil.which(unshare[0]) is None or not Path("/opt").is_dir():
        return False
    with tempfile.TemporaryDirectory() as directory:
        ml = Path(directory, "ml")
        ml.mkdir()
        probe = _private(unshare, Path(directory), ["sh", "-c", f"echo ok > {ML_ROOT}/probe"])
        done = subprocess.run(probe, capture_output=True, timeout=PROBE_SECONDS, check=False)
        return done.returncode == 0 and (ml / "probe").is_file()


def _private(unshare: Sequence[str], directory: Path, command: Sequence[str]) -> list[str]:
    """The command in a mount namespace of its own. What is mounted there is seen nowhere else."""
    table = directory / "mounts"
    table.write_text(
        "".join(f"{_field(source)} {_field(target)} none rbind 0 0\n" for source, target in _mounts(directory))
    )
    return [*unshare, "sh", "-c", _MOUNT_AND_RUN, str(table), *command]


def _mounts(directory: Path) -> Iterator[tuple[Path, Path]]:
    """Sources and targets, in order: an image of /opt with everything that is there and the job's `ml`, then that over /opt."""
    opt = directory / "opt"
    opt.mkdir(exist_ok=True)
    for entry in Path("/opt").iterdir():
        if entry.name != "ml" and entry.exists():
            make = Path.mkdir if entry.is_dir() else Path.touch
            make(opt / entry.name, exist_ok=True)
            yield entry, opt / entry.name
    (opt / "ml").mkdir(exist_ok=True)
    yield directory / "ml", opt / "ml"
    yield opt, Path("/opt")
    hosts = directory / HOSTS_FILE
    if hosts.exists() and Path("/etc/hosts").exists():
        yield hosts, Path("/etc/hosts")


def _field(path: Path) -> str:
    """A path as fstab(5) takes it."""
    return str(path).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")


def launch(directory: Path, command: Sequence[str], environment: Mapping[str, str]) -> Launch:
    """How to start `command` so that `directory/ml` is its `/opt/ml`."""
    ml = directory / "ml"
    ml.mkdir(parents=True, exist_ok=True)
    unshare = private_mount_command()
    if unshare is None:
        rewritten = [_rewrite(word, ml) for word in command]
        return Launch(dying_with_parent(rewritten), {key: _rewrite(value, ml) for key, value in environment.items()})
    return Launch(dying_with_parent(_private(unshare, directory, command)), dict(environment))


def _rewrite(text: str, ml: Path) -> str:
    return _ML_PATH.sub(str(ml), text)
