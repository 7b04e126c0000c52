from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from aws_cdk import App, Stack

from mlplatform import InvalidPropsError, SourceDirectory
from mlplatform.pipeline import archives


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    directory = tmp_path / "jobs"
    (directory / "shared").mkdir(parents=True)
    for name in ("b.py", "a.py", "shared/tools.py"):
        (directory / name).write_text(f"print({name!r})\n")
    return directory


def test_a_script_that_is_not_there_is_named_with_what_is(scripts: Path) -> None:
    with pytest.raises(InvalidPropsError) as caught:
        SourceDirectory(scripts).require("x.py", "a.py", "y.py")
    assert caught.value.problems == (
        f"script 'x.py' is not in {scripts}; it holds a.py, b.py, shared/tools.py",
        f"script 'y.py' is not in {scripts}; it holds a.py, b.py, shared/tools.py",
    )


def test_a_directory_that_is_not_there_or_empty_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError, match="is not a directory; give the one that holds the scripts"):
        SourceDirectory(tmp_path / "nowhere")
    with pytest.raises(InvalidPropsError, match="holds no file; put the scripts of the jobs there"):
        SourceDirectory(tmp_path)


def test_caches_and_hidden_files_stay_behind(scripts: Path) -> None:
    for name in ("__pycache__/a.cpython-311.pyc", ".env", ".git/config", "shared/.secret", "old.pyc"):
        path = scripts / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert SourceDirectory(scripts).files == ("a.py", "b.py", "shared/tools.py")


def test_the_archive_depends_on_names_and_contents_only(scripts: Path, tmp_path: Path) -> None:
    before = archives.tar_gz(archives.read_files(scripts))
    copy = tmp_path / "elsewhere"
    shutil.copytree(scripts, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    assert archives.tar_gz(archives.read_files(copy)) == before
    assert archives.zip_archive(archives.read_files(copy)) == archives.zip_archive(archives.read_files(scripts))


def test_any_change_of_name_or_content_changes_the_hash() -> None:
    files = {"a": b"1", "b": b"2"}
    variants = [files, {"a": b"1", "b": b"3"}, {"a": b"1", "c": b"2"}, {"a": b"1"}, {"a": b"1b", "": b"2"}]
    assert len({archives.content_hash(variant) for variant in variants}) == len(variants)


def test_a_directory_is_one_asset_of_a_stack_however_often_it_is_staged(scripts: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "out"), analytics_reporting=False)
    stack = Stack(app, "stack")
    first, second = SourceDirectory(scripts).stage(stack), SourceDirectory(scripts).stage(stack)
    other = SourceDirectory(scripts, only=["a.py"]).stage(stack)
    assert first.object_key == second.object_key != other.object_key
    app.synth()
    packed = sorted((tmp_path / "out").glob("asset.*.gz"))
    assert len(packed) == 2
    contents = []
    for path in packed:
        with tarfile.open(path) as archive:
            contents.append(archive.getnames())
    assert sorted(contents, key=len) == [["a.py"], ["a.py", "b.py", "shared/tools.py"]]


def test_the_object_is_named_by_the_content_and_not_by_the_compressor(scripts: Path) -> None:
    """Two machines with different builds of zlib must deploy the same template."""
    stack = Stack(App(analytics_reporting=False), "stack")
    digest = archives.content_hash(archives.read_files(scripts))
    assert SourceDirectory(scripts).stage(stack).object_key == hashlib.sha256(digest.encode()).hexdigest() + ".gz"
