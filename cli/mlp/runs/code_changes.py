"""What differs between the code of two runs, as a unified diff."""

from __future__ import annotations

import difflib
import io
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from mlrecords.canonical import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlrecords.record import Code
    from mlrecords.store import RecordStore

LARGEST_FILE_BYTES = 1_000_000
"""Of a file of which the lines are compared; of larger ones, and of binary ones, only the digest is."""


@dataclass(frozen=True)
class CodeChanges:
    """A unified diff, empty if there is none, and what could not be compared, as a sentence."""

    diff: str
    remark: str = ""


def code_changes(store: RecordStore, a: Code, b: Code) -> CodeChanges:
    """What differs between the code of two runs: of the packed sources that they got, or of the commits and what was not committed."""
    if (a.archive_sha256, a.commit, a.diff) == (b.archive_sha256, b.commit, b.diff):
        return CodeChanges("")
    if a.archive_uri and b.archive_uri:
        try:
            files = [_unpacked(_download(store.s3, uri)) for uri in (a.archive_uri, b.archive_uri)]
        except ClientError as error:
            return CodeChanges("", f"the packed sources cannot be read: {error}")
        return CodeChanges(_diff(*files))
    commits = CodeChanges("") if a.commit == b.commit else _between_commits(a, b)
    patches = [store.blob(one.diff).decode(errors="replace") if one.diff else "" for one in (a, b)]
    uncommitted = _diff({"uncommitted.patch": patches[0].encode()}, {"uncommitted.patch": patches[1].encode()})
    return CodeChanges("\n".join(filter(None, (commits.diff, uncommitted))), commits.remark)


def _between_commits(a: Code, b: Code) -> CodeChanges:
    """By git, if this directory is a clone that has both."""
    command = [
        "git",
        "diff",
        "--no-color",
        "--no-ext-diff",
        "--end-of-options",
        f"{a.commit}..{b.commit}",
        "--",
        a.directory or ".",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True)
    except (OSError, subprocess.CalledProcessError):
        return CodeChanges(
            "", f"to see what changed between the commits, run in a clone of {a.remote}: {' '.join(command)}"
        )
    return CodeChanges(done.stdout)


def _download(s3: Any, uri: str) -> bytes:
    parts = urlsplit(uri)
    content: bytes = s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
    return content


def _unpacked(content: bytes) -> dict[str, bytes]:
    """Files by name, of a tar file with any compression, of a zip file, or of a single script."""
    stream = io.BytesIO(content)
    if zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as archive:
            return {item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()}
    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream) as archive_file:
            members = [(item.name, archive_file.extractfile(item)) for item in archive_file if item.isfile()]
            return {name.removeprefix("./"): file.read() for name, file in members if file is not None}
    except tarfile.ReadError:
        return {"script": content}


def _diff(a: Mapping[str, bytes], b: Mapping[str, bytes]) -> str:
    return "".join(
        line
        for name in sorted(a.keys() | b.keys())
        if a.get(name) != b.get(name)
        for line in difflib.unified_diff(
            _lines(a.get(name)),
            _lines(b.get(name)),
            f"a/{name}" if name in a else "/dev/null",
            f"b/{name}" if name in b else "/dev/null",
        )
    )


def _lines(content: bytes | None) -> list[str]:
    if content is None:
        return []
    if len(content) > LARGEST_FILE_BYTES or b"\0" in content:
        return [f"{len(content):,} bytes, {digest(content)}\n"]
    text = content.decode(errors="replace")
    return (text if text.endswith("\n") else f"{text}\n").splitlines(keepends=True)
