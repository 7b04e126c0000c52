"""The code of a script: its repository at the recorded commit, with the recorded patch of what was not committed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mlp.reproduce.verdict import Cause, cannot
from mlrecords.record import Code
from mlrecords.store import MissingBlobError, RecordStore

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_SETTINGS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false")


def check_out(code: Code, store: RecordStore, target: Path, here: Path) -> None:
    """Write the code as it ran into an empty directory; the remote, or else the repository `here`, has to have the commit.

    Raises `NotReproducibleError` with the cause `code`.
    """
    if code.dirty and code.diff is None:
        raise cannot(
            Cause.CODE,
            f"the run had changes on top of commit {_short(code)} that nobody kept: its record has no patch of them",
        )
    _clone(code, target, here)
    if code.diff is not None:
        _apply(code, _patch(code.diff, store), target)


def work_tree(directory: Path) -> Path | None:
    """The root of the git work tree that a directory is in."""
    done = _git(directory, "rev-parse", "--show-toplevel")
    return Path(done.stdout.decode().strip()) if done.returncode == 0 else None


def work_trees(code: Code, here: Path) -> Iterator[Path]:
    """Work trees on this machine that are of the run's repository: files in them have the names that the run read."""
    remote = Path(code.remote) if code.remote and "://" not in code.remote else None
    for place in (here, remote):
        root = work_tree(place) if place is not None and place.is_dir() else None
        if root is not None and _has(root, code.commit):
            yield root


def _clone(code: Code, target: Path, here: Path) -> None:
    if code.commit is None:
        _or_cannot(_git(target.parent, "init", "--quiet", str(target)), "an empty repository cannot be made")
        return
    if not _COMMIT.fullmatch(code.commit):
        raise cannot(
            Cause.CODE, f"{code.commit!r} is not the name of a commit; the record was not written by mlplatform.track"
        )
    tried = []
    for remote in _remotes(code, here):
        cloned = _git(target.parent, "clone", "--quiet", "--no-checkout", "--", remote, str(target))
        found = cloned.returncode == 0 and _has_commit(target, code.commit)
        if found:
            _or_cannot(
                _git(target, "checkout", "--quiet", "--detach", code.commit),
                f"commit {code.commit} cannot be checked out",
            )
            return
        tried.append(f"{remote} ({'has no such commit' if cloned.returncode == 0 else _said(cloned)})")
        _remove(target)
    where = (
        ", ".join(tried) or "no repository: the record names no remote, and this is not a directory of its repository"
    )
    raise cannot(Cause.CODE, f"commit {code.commit} cannot be had any more from {where}")


def _has_commit(target: Path, commit: str) -> bool:
    """Whether the clone has the commit, or the remote gives it when it is asked for by name."""
    return _has(target, commit) or _git(target, "fetch", "--quiet", "origin", commit).returncode == 0


def _has(repository: Path, commit: str | None) -> bool:
    return commit is not None and _git(repository, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def _remotes(code: Code, here: Path) -> Iterator[str]:
    if code.remote:
        yield code.remote
    local = work_tree(here)
    if local is not None and str(local) != code.remote and _has(local, code.commit):
        yield str(local)


def _patch(name: str, store: RecordStore) -> bytes:
    try:
        return store.blob(name)
    except MissingBlobError as error:
        raise cannot(Cause.CODE, f"the patch of what was not committed is gone: {error}") from error


def _apply(code: Code, patch: bytes, target: Path) -> None:
    done = _git(target, "apply", "--binary", "--whitespace=nowarn", "-", given=patch)
    _or_cannot(done, f"the recorded patch does not fit commit {_short(code)}")


def _or_cannot(done: subprocess.CompletedProcess[bytes], what: str) -> None:
    if done.returncode != 0:
        raise cannot(Cause.CODE, f"{what}: {_said(done)}")


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return re.sub(r"\s+", " ", done.stderr.decode(errors="replace")).strip()


def _short(code: Code) -> str:
    return "nothing" if code.commit is None else code.commit[:12]


def _remove(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)


def _git(directory: Path, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return subprocess.run(
        ["git", *_SETTINGS, *arguments],
        cwd=directory,
        input=given or b"",
        capture_output=True,
        check=False,
        env={**variables, **quiet},
    )
