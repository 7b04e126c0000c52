"""What git says of a directory: its commit, where that came from, and a patch of everything that is not committed."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

LARGEST_NEW_FILE_BYTES = 20 * 1024 * 1024
# `git rev-parse --local-env-vars`: what a hook or an editor leaves there would speak of another repository.
_OF_ONE_REPOSITORY = (
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_DIFF_OPTS"),
    *("GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX"),
    *("GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_WORK_TREE"),
)
# One form whatever the user configured, which `git apply` takes; nothing of the repository runs.
_SETTINGS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.splitIndex=false", "diff.orderFile=/dev/null")
_DIFF = (
    *("diff", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--ignore-submodules=dirty", "--unified=3"),
)
# Names of files that hold keys and passwords: someone forgot to ignore them, and a patch is kept and shown.
_SECRET_FILES = re.compile(
    r"(.*/)?(\.aws/.*|\.env(\..+)?|.*\.(jks|key|keystore|p12|pem|pfx)|id_[a-z0-9]+|[._]netrc|\.pgpass|\.pypirc|\.npmrc"
    r"|\.git-credentials|credentials(\.[a-z]+)?|secrets?\.[a-z]+)",
    re.IGNORECASE,
)
_NO_WORK_TREE = ("not a git repository", "must be run in a work tree")


class GitError(Exception):
    """Git is there and refuses; the message has its own words."""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A directory of a git work tree.

    Attributes:
        commit: None in a repository without commits; the patch then holds every file.
        remote: URL without credentials of `origin`, or of the first remote where there is no `origin`; None without remotes.
        directory: path in the repository, `.` for its root.
        root: the repository's work tree on this machine.
        patch: takes a clean checkout of `commit` to what is here, new files included, with `git apply`; empty for a clean tree.
        left_out: new files that are not in the patch: too large, or with a name as files with keys and passwords have.
    """

    commit: str | None
    remote: str | None
    directory: str
    root: Path
    patch: bytes
    left_out: tuple[str, ...] = ()

    @property
    def dirty(self) -> bool:
        """Whether the commit alone is not what is here."""
        return bool(self.patch or self.left_out)


def checkout_of(
    directory: Path, *, only_directory: bool = False, largest_new_file_bytes: int = LARGEST_NEW_FILE_BYTES
) -> Checkout | None:
    """What is checked out in a directory; None without the git command, outside of a work tree, or in a directory that is ignored.

    Ignored files are left alone, and so are the user's index and objects: new files are added to an index of our own.

    Parameters:
        only_directory: whether the patch stops at the directory instead of holding the whole repository.
        largest_new_file_bytes: new files above it are left out of the patch; 20 MiB when not given.

    Raises `GitError` when git refuses, for instance because the repository belongs to somebody else.
    """
    if shutil.which("git") is None:
        return None
    try:
        answer = _git(directory, "rev-parse", "--show-toplevel", "--show-prefix", "--git-path", "index")
        objects = _git(directory, "rev-parse", "--git-path", "objects")
    except GitError as error:
        if any(reason in str(error) for reason in _NO_WORK_TREE):
            return None
        raise
    root, prefix, index = answer.decode().splitlines()
    if prefix and _is_ignored(directory):
        return None  # Such as a package in a virtual environment: no commit of this repository holds it.
    head = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", may_fail=True).decode().strip()
    scope = directory if only_directory else Path(root)
    patch, left_out = _patch(
        scope, head, directory / index, directory / objects.decode().strip(), largest_new_file_bytes
    )
    return Checkout(
        commit=head or None,
        remote=_remote(directory),
        directory=prefix.rstrip("/") or ".",
        root=Path(root),
        patch=patch,
        left_out=left_out,
    )


def without_credentials(url: str) -> str | None:
    """A remote's URL that may be shown: no user, password or token; None if it is malformed, since then nobody knows where one is.

    The user of SSH, which is no secret, stays.
    """
    if "://" not in url:
        return url  # `git@host:path`, or a path
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.scheme.endswith("ssh") and parts.username else ""
    return parts._replace(netloc=f"{user}{host}", query="", fragment="").geturl()


def _is_ignored(directory: Path) -> bool:
    ignored = _git(directory, "check-ignore", ".", may_fail=True)
    return bool(ignored) and not _git(directory, "ls-files", "--", ".")


def _patch(scope: Path, head: str, index: Path, objects: Path, limit: int) -> tuple[bytes, tuple[str, ...]]:
    """The patch of what is not committed below `scope`, and the new files that are not in it."""
    with tempfile.TemporaryDirectory(prefix="mlrecords-git-") as directory:
        ours = Path(directory, "index")
        if index.exists():
            shutil.copy2(index, ours)
        environment = {
            "GIT_INDEX_FILE": str(ours),
            "GIT_OBJECT_DIRECTORY": directory,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects.resolve()),
            "GIT_LITERAL_PATHSPECS": "1",
        }
        new = _new_files(scope, environment)
        left_out = {name for name in new if _SECRET_FILES.fullmatch(name) or (scope / name).lstat().st_size > limit}
        names = "\0".join(sorted(set(new) - left_out))
        if names:
            add = ("add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul")
            _git(scope, *add, given=os.fsencode(names), environment=environment)
        before = head or _git(scope, "hash-object", "-t", "tree", "--stdin").decode().strip()
        patch = _git(scope, *_DIFF, before, "--", ".", environment=environment)
    return patch, tuple(sorted(left_out))


def _new_files(scope: Path, environment: Mapping[str, str]) -> list[str]:
    listed = _git(scope, "ls-files", "--others", "--exclude-standard", "-z", environment=environment)
    # A name with a slash at its end is a repository in the repository.
    return [os.fsdecode(name) for name in listed.split(b"\0") if name and not name.endswith(b"/")]


def _remote(directory: Path) -> str | None:
    names = _git(directory, "remote").decode().split()
    if not names:
        return None
    name = "origin" if "origin" in names else names[0]
    return without_credentials(_git(directory, "remote", "get-url", name).decode().strip())


def _git(
    directory: Path,
    *arguments: str,
    given: bytes = b"",
    environment: Mapping[str, str] | None = None,
    may_fail: bool = False,
) -> bytes:
    """What git prints. Raises `GitError` with what it says, unless it may fail: then that is nothing."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_ONE_REPOSITORY}
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    done = subprocess.run(
        ["git", *settings, *arguments],
        cwd=directory,
        input=given,
        env={**inherited, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **(environment or {})},
        capture_output=True,
        check=False,
    )
    if done.returncode and not may_fail:
        said = re.sub(r"\s+", " ", done.stderr.decode(errors="replace")).strip()
        raise GitError(f"git {arguments[0]} failed in {directory}: {said}")
    return done.stdout
