"""Two files are the same byte for byte, or as archives whose members are."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import pytest

from mlp.reproduce.content import fingerprint

Files = Mapping[str, bytes]


def same_content(one: bytes, other: bytes) -> bool:
    return fingerprint(one) == fingerprint(other)


def tar(files: Files, moment: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.uid = len(content), moment, moment % 1000
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def tar_gz(files: Files, moment: int) -> bytes:
    return gzip.compress(tar(files, moment), mtime=moment)


def zipped(files: Files, moment: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020 + moment % 5, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [tar, tar_gz, zipped])
def test_times_and_owners_in_archives_do_not_count_and_members_do(pack: Callable[[Files, int], bytes]) -> None:
    files = {"model.json": b"{}", "code/inference.py": b"pass"}
    assert pack(files, 1) != pack(files, 2)
    assert same_content(pack(files, 1), pack(files, 2))
    assert not same_content(pack(files, 1), pack({**files, "model.json": b"[]"}, 1))
    assert not same_content(pack(files, 1), pack({**files, "more": b""}, 1))


def test_archives_in_archives_are_looked_into() -> None:
    inner = {"weights": b"1 2 3"}
    assert same_content(tar({"inner.gz": tar_gz(inner, 1)}, 1), tar({"inner.gz": tar_gz(inner, 2)}, 2))


def test_a_broken_archive_counts_by_its_bytes() -> None:
    whole = tar_gz({"a": b"1" * 1000}, 1)
    assert same_content(whole[:40], whole[:40])
    assert not same_content(whole[:40], whole[:41])


def test_pickles_count_by_their_bytes() -> None:
    assert not same_content(pickle.dumps({"a": 1}, protocol=4), pickle.dumps({"a": 1}, protocol=5))
