"""Objects of the embedded S3 whose engine is killed between any two of its writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ministack.core.responses import get_account_id
from ministack.services import s3

from mllocal.emulator import whole_objects
from mllocal.emulator.begun_objects import finish_begun

OLD, NEW = b"what it was", b"what it is from now on"


class KilledError(BaseException):
    """Nothing in the emulator catches it, as nothing catches a signal 9."""


def record(content: bytes) -> dict[str, Any]:
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    said = {"etag": f'"{digest}"', "size": len(content), "metadata": {"x-amz-meta-fence": str(len(content))}}
    return {"body": content, "content_type": "text/plain", "last_modified": "2026-03-02T00:00:00.000Z", **said}


def killed_at(nth: int, act: Callable[..., None]) -> Callable[..., None]:
    calls = iter(range(1000))

    def acted(*arguments: Any, **options: Any) -> None:
        if next(calls) == nth:
            raise KilledError
        act(*arguments, **options)

    return acted


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(s3, "S3_PERSIST", True)
    monkeypatch.setattr(s3, "DATA_DIR", str(tmp_path))
    bucket: Path = tmp_path / get_account_id() / "numbers"
    bucket.mkdir(parents=True)
    return bucket


def loaded(directory: Path, key: str) -> tuple[bytes, int, str]:
    """What a start finds: the content, and what is said of it."""
    s3._buckets._data.pop((get_account_id(), "numbers"), None)
    finish_begun(directory.parent)
    s3._load_persisted_bucket(get_account_id(), "numbers", str(directory))
    found = s3._buckets._data.pop((get_account_id(), "numbers"))["objects"]
    assert list(found) == [key]
    content = Path(str(s3._object_disk_path("numbers", key))).read_bytes()
    return content, found[key]["size"], found[key]["metadata"]["x-amz-meta-fence"]


@pytest.mark.parametrize("key", ["run-state/two.json", "a//b", "x" * 300])
@pytest.mark.parametrize("write", range(4))
def test_an_object_is_what_it_was_or_what_it_became_wherever_the_engine_is_killed(
    directory: Path, monkeypatch: pytest.MonkeyPatch, key: str, write: int
) -> None:
    whole_objects._persist_object("numbers", key, record(OLD))

    with monkeypatch.context() as killed:
        killed.setattr(s3.os, "replace", killed_at(write, s3.os.replace))
        try:
            whole_objects._persist_object("numbers", key, record(NEW))
            is_acknowledged = True
        except KilledError:
            is_acknowledged = False
    content, size, fence = loaded(directory, key)

    assert content == NEW or (content == OLD and not is_acknowledged)
    assert (size, fence) == (len(content), str(len(content)))
    assert is_acknowledged == (write == 3)
    assert loaded(directory, key) == (content, size, fence)


def test_nothing_is_left_beside_an_object(directory: Path) -> None:
    whole_objects._persist_object("numbers", "one.csv", record(NEW))

    assert sorted(path.name for path in directory.iterdir()) == ["one.csv", "one.csv.meta.json"]
