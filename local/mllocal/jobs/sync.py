"""Directories that are copied to S3 while a container writes them: checkpoints, and outputs with Continuous upload."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from mllocal.jobs.runner import JobFailedError
from mllocal.s3 import S3Uri

SYNC_SECONDS = 1.0
_State = dict[Path, tuple[int, int]]


class DirectorySync:
    """Uploads what is new or changed in some directories, every second, and once more at the end."""

    def __init__(self, client: Any, directories: dict[Path, S3Uri]) -> None:
        self._client = client
        self._directories = directories
        self._uploaded: _State = {path: state for folder in directories for path, state in _files(folder).items()}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> DirectorySync:
        if self._directories:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._directories:
            self._thread.join()
            self._upload_changes()

    def _run(self) -> None:
        while not self._done.wait(SYNC_SECONDS):
            try:
                self._upload_changes()
            except JobFailedError:
                continue  # It is tried again, at last at the end, and fails the job then.

    def _upload_changes(self) -> None:
        for folder, prefix in self._directories.items():
            for path, state in _files(folder).items():
                if self._uploaded.get(path) != state:
                    self._upload(path, prefix / path.relative_to(folder).as_posix())
                    self._uploaded[path] = state

    def _upload(self, path: Path, target: S3Uri) -> None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return  # The container removed it meanwhile.
        with writing(target):
            self._client.put_object(Bucket=target.bucket, Key=target.key, Body=content)


@contextmanager
def writing(target: S3Uri) -> Iterator[None]:
    """Whatever S3 refuses is the reason of the job's failure."""
    try:
        yield
    except (ClientError, S3UploadFailedError) as error:
        raise JobFailedError(
            f"ClientError: Artifact upload failed: {str(target)!r} cannot be written: {error}"
        ) from None


def _files(folder: Path) -> _State:
    """What there is, by size and time of change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            found[path] = (status.st_mtime_ns, status.st_size)
    return found
