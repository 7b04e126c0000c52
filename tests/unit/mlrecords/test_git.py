"""Real repositories, made by git itself; a patch is right when it takes a clean clone to the same files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mlrecords.git import Checkout, GitError, checkout_of, without_credentials


def git(directory: Path, *arguments: str, given: bytes = b"") -> bytes:
    identity = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com"}
    identity |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com"}
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=directory,
        input=given,
        env={**os.environ, **identity},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def found(directory: Path, **options: bool | int) -> Checkout:
    checkout = checkout_of(directory, **options)  # type: ignore[arg-type]
    assert checkout is not None
    return checkout


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }


def rebuilt(checkout: Checkout, repository: Path, target: Path) -> dict[str, bytes]:
    """The files of a clean clone of the commit, with the patch."""
    git(target.parent, "clone", "--quiet", str(repository), str(target))
    if checkout.commit:
        git(target, "checkout", "--quiet", checkout.commit)
    if checkout.patch:
        git(target, "apply", "--binary", "-", given=checkout.patch)
    return files(target)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "jobs").mkdir(parents=True)
    git(root, "init", "--quiet")
    (root / "jobs" / "train.py").write_text("print(1)\n")
    (root / "jobs" / "weights.bin").write_bytes(bytes(range(256)))
    (root / "gone.txt").write_text("bye\n")
    (root / ".gitignore").write_text("ignored/\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "first")
    return root


def test_a_clean_tree_is_its_commit(repository: Path) -> None:
    checkout = found(repository / "jobs")

    assert checkout.commit == git(repository, "rev-parse", "HEAD").decode().strip()
    assert (checkout.directory, checkout.remote, checkout.dirty, checkout.patch) == ("jobs", None, False, b"")
    assert checkout.root == repository
    assert found(repository).directory == "."


def test_the_patch_takes_a_clean_clone_to_what_is_here(repository: Path, tmp_path: Path) -> None:
    """Changed, deleted, new, binary, staged and empty files, names with spaces, quotes and other letters, and without a last newline."""
    (repository / "jobs" / "train.py").write_text("print(2)")
    (repository / "jobs" / "weights.bin").write_bytes(bytes(reversed(range(256))))
    (repository / "gone.txt").unlink()
    (repository / "new").mkdir()
    (repository / "new" / "ä ö\t\"'.bin").write_bytes(b"\0\xff" * 99)
    (repository / "new" / "empty").touch()
    (repository / ":(top)odd").write_text("a pathspec, if it were one\n")
    (repository / "staged.txt").write_text("staged\n")
    git(repository, "add", "staged.txt")
    (repository / "staged.txt").write_text("staged, then changed\n")
    (repository / "ignored").mkdir()
    (repository / "ignored" / "data.csv").write_text("private\n")
    wanted = {name: content for name, content in files(repository).items() if not name.startswith("ignored/")}

    checkout = found(repository / "jobs")

    assert checkout.dirty
    assert rebuilt(checkout, repository, tmp_path / "clone") == wanted


def test_index_and_objects_of_the_user_stay_as_they_are(repository: Path) -> None:
    (repository / "new.py").write_text("new\n")
    (repository / "jobs" / "train.py").write_text("print(2)\n")
    before = {path: path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()}

    assert found(repository).dirty

    assert {path: path.read_bytes() for path in (repository / ".git").rglob("*") if path.is_file()} == before


def test_the_patch_can_stop_at_the_directory(repository: Path) -> None:
    (repository / "elsewhere.py").write_text("new\n")
    assert not found(repository / "jobs", only_directory=True).dirty

    (repository / "jobs" / "new.py").write_text("new\n")
    assert b"jobs/new.py" in found(repository / "jobs", only_directory=True).patch


def test_what_the_user_configured_does_not_change_the_patch(repository: Path) -> None:
    (repository / "jobs" / "train.py").write_text("print(2)\n")
    before = found(repository).patch
    for name, value in {
        "diff.noprefix": "true",
        "color.ui": "always",
        "diff.external": "false",
        "diff.context": "0",
        "core.quotePath": "false",
        "core.pager": "false",
    }.items():
        git(repository, "config", name, value)

    assert found(repository).patch == before


def test_a_hook_of_another_repository_does_not_lead_astray(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    expected = found(repository)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "index-of-a-commit")

    assert found(repository) == expected


def test_without_commits_the_patch_holds_every_file(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "train.py").write_text("print(1)\n")

    checkout = found(root)

    assert (checkout.commit, checkout.dirty) == (None, True)
    assert rebuilt(checkout, root, tmp_path / "clone") == {"train.py": b"print(1)\n"}


def test_new_files_that_are_too_large_are_named_instead(repository: Path) -> None:
    (repository / "large.bin").write_bytes(b"0" * 101)
    (repository / "small.bin").write_bytes(b"0" * 100)

    checkout = found(repository, largest_new_file_bytes=100)

    assert checkout.left_out == ("large.bin",)
    assert checkout.dirty
    assert b"small.bin" in checkout.patch
    assert b"large.bin" not in checkout.patch


def test_new_files_that_look_like_secrets_are_named_instead(repository: Path) -> None:
    secret = [".env", "deploy/id_ed25519", "deploy/tls.pem", "deploy/.env.local", "home/.aws/config"]
    for name in (*secret, "environment.py", "deploy/keys.py"):
        (repository / name).parent.mkdir(exist_ok=True, parents=True)
        (repository / name).write_text("hush\n")

    checkout = found(repository)

    assert checkout.left_out == tuple(sorted(secret))
    assert checkout.patch.count(b"hush") == 2


def test_a_directory_that_is_ignored_is_of_no_commit(repository: Path) -> None:
    """Such as the platform's own scripts in a virtual environment in the team's checkout."""
    package = repository / "ignored" / "package"
    package.mkdir(parents=True)
    (package / "train.py").write_text("print(1)\n")
    assert checkout_of(package) is None

    git(repository, "add", "--force", "ignored/package/train.py")
    assert found(package).directory == "ignored/package"


def test_shallow_clones_and_worktrees_are_checkouts_too(repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD").decode().strip()
    shallow, worktree = tmp_path / "shallow", tmp_path / "worktree"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", str(shallow))
    git(repository, "worktree", "add", "--quiet", "--detach", str(worktree))
    for root in (shallow, worktree):
        assert (found(root).commit, found(root).dirty) == (commit, False)
        (root / "new.py").write_text("new\n")
        assert b"new.py" in found(root / "jobs").patch

    assert found(shallow).remote == f"file://{repository}"


def test_a_repository_in_the_repository_is_not_looked_into(repository: Path) -> None:
    nested = repository / "nested"
    nested.mkdir()
    git(nested, "init", "--quiet")
    (nested / "file").write_text("its own\n")
    git(nested, "add", "file")
    git(nested, "commit", "--quiet", "--message", "its own")

    assert not found(repository).dirty


def test_there_is_nothing_to_say_outside_of_a_work_tree(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    assert checkout_of(tmp_path / "plain") is None
    assert checkout_of(repository / ".git") is None

    monkeypatch.setenv("PATH", str(tmp_path))
    assert checkout_of(repository) is None


def test_what_git_refuses_is_said_in_its_words(repository: Path) -> None:
    (repository / ".git" / "index").write_bytes(b"no index")

    with pytest.raises(GitError, match="index"):
        checkout_of(repository)


def test_the_remote_is_origin_or_the_first_one(repository: Path) -> None:
    git(repository, "remote", "add", "backup", "https://example.com/backup.git")
    assert found(repository).remote == "https://example.com/backup.git"

    git(repository, "remote", "add", "origin", "https://oauth2:glpat-secret@example.com/team/models.git")
    assert found(repository).remote == "https://example.com/team/models.git"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:token@example.com/a.git", "https://example.com/a.git"),
        ("https://ghp_token@example.com:8443/a.git", "https://example.com:8443/a.git"),
        ("https://example.com/a.git?private_token=x#y", "https://example.com/a.git"),
        ("https://us@er:tok@en@example.com/a", "https://example.com/a"),
        ("https://example.com/@scope/a.git", "https://example.com/@scope/a.git"),
        ("ssh://git:secret@example.com:22/a.git", "ssh://git@example.com:22/a.git"),
        ("git+ssh://git@example.com/a.git", "git+ssh://git@example.com/a.git"),
        ("git@example.com:team/a.git", "git@example.com:team/a.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("https://user:pa/ss@example.com/a.git", None),
        ("https://[broken/a.git", None),
    ],
)
def test_no_credentials_are_left_in_a_url(url: str, shown: str | None) -> None:
    assert without_credentials(url) == shown
