"""Where the code of an archive came from is in the cloud assembly, and in no template."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, LegacyStackSynthesizer, Stack

from mlplatform import SourceDirectory
from mlrecords import provenance


def git(directory: Path, *arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env={**os.environ, **identity}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    directory = tmp_path / "repository" / "jobs"
    directory.mkdir(parents=True)
    (directory / "train.py").write_text("print(1)\n")
    return directory


def commit(directory: Path) -> str:
    git(directory, "init", "--quiet", "..")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", "first")
    return git(directory, "rev-parse", "HEAD")


def synthesized(source: SourceDirectory, output: Path, **stack: Any) -> tuple[str, Path]:
    """The URI of the archive, and the cloud assembly."""
    app = App(outdir=str(output), analytics_reporting=False)
    staged = source.stage(Stack(app, "stack", **stack))
    app.synth()
    return f"s3://assets/{staged.object_key}", output


def published(archive_uri: str, assembly: Path) -> dict[str, Any] | None:
    """What a deployment puts at the place that follows from the archive's."""
    files = json.loads((assembly / "stack.assets.json").read_text())["files"].values()
    uri = provenance.uri_of(archive_uri)
    for file in files:
        (destination,) = file["destinations"].values()
        if uri == f"s3://assets/{destination['objectKey']}":
            document: dict[str, Any] = json.loads((assembly / file["source"]["path"]).read_text())
            return document
    return None


def test_the_commit_is_published_beside_the_archive_and_in_no_template(scripts: Path, tmp_path: Path) -> None:
    head = commit(scripts)

    archive, assembly = synthesized(SourceDirectory(scripts), tmp_path / "out")

    document = published(archive, assembly)
    assert document is not None
    assert (document["commit"], document["directory"], document["dirty"]) == (head, "jobs", False)
    assert head not in (assembly / "stack.template.json").read_text()
    assert "provenance" not in (assembly / "stack.template.json").read_text()


def test_what_is_not_committed_is_in_the_patch(scripts: Path, tmp_path: Path) -> None:
    commit(scripts)
    (scripts / "new.py").write_text("print(2)\n")

    document = published(*synthesized(SourceDirectory(scripts), tmp_path / "out"))

    assert document is not None
    assert document["dirty"]
    assert b"+print(2)" in base64.b64decode(document["patch"])


def test_another_commit_of_the_same_content_changes_no_template(scripts: Path, tmp_path: Path) -> None:
    commit(scripts)
    script = f"""
import sys
from pathlib import Path
from aws_cdk import App, Stack
from mlplatform import SourceDirectory
app = App(outdir=sys.argv[1], analytics_reporting=False)
SourceDirectory(Path({str(scripts)!r})).stage(Stack(app, "stack"))
app.synth()
"""
    for name in ("before", "after"):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=True)
        git(scripts, "commit", "--quiet", "--allow-empty", "--message", "second")

    before, after = (tmp_path / name for name in ("before", "after"))
    for name in ("stack.template.json", "stack.assets.json", "manifest.json"):
        assert (before / name).read_bytes() == (after / name).read_bytes()
    (one,), (other,) = ((place / "provenance").glob("*.json") for place in (before, after))
    assert one.name == other.name
    assert one.read_bytes() != other.read_bytes()


def test_without_git_there_is_nothing_to_publish(scripts: Path, tmp_path: Path) -> None:
    archive, assembly = synthesized(SourceDirectory(scripts), tmp_path / "out")

    assert published(archive, assembly) is None
    assert not (assembly / "provenance").exists()


def test_when_git_refuses_a_warning_says_what_is_missing(scripts: Path, tmp_path: Path) -> None:
    commit(scripts)
    (scripts.parent / ".git" / "index").write_bytes(b"no index")

    with pytest.warns(UserWarning, match="its archive will not say which commit it is of"):
        archive, assembly = synthesized(SourceDirectory(scripts), tmp_path / "out")

    assert published(archive, assembly) is None


def test_a_synthesizer_that_names_assets_when_they_are_deployed_publishes_none(scripts: Path, tmp_path: Path) -> None:
    commit(scripts)

    _, assembly = synthesized(SourceDirectory(scripts), tmp_path / "out", synthesizer=LegacyStackSynthesizer())

    assert not (assembly / "provenance").exists()
