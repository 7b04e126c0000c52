"""S3 prefixes and local directories."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

PARALLEL_TRANSFERS = 4


class NoObjectsError(Exception):
    """A prefix under which there is nothing."""


class ManifestError(Exception):
    """A manifest that cannot be read as one."""


@dataclass(frozen=True)
class S3Uri:
    """`s3://bucket/key`."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Uri:
        """Raises ValueError for anything that is not an S3 URI."""
        scheme, _, rest = uri.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise ValueError(f"{uri!r} is not an S3 URI; write s3://bucket/prefix")
        return cls(bucket, key)

    def __truediv__(self, name: str) -> S3Uri:
        return S3Uri(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class S3Object:
    """One object and its path relative to the prefix it was found under."""

    uri: S3Uri
    relative_path: str


def objects_under(client: Any, prefix: S3Uri) -> list[S3Object]:
    """Every object that SageMaker's `S3Prefix` names, in key order. Raises `NoObjectsError` when there is none."""
    found = sorted(_objects(client, prefix), key=lambda item: item.uri.key)
    if not found:
        raise NoObjectsError(
            f"ClientError: No S3 objects found under S3 URL {str(prefix)!r}. "
            "Upload at least one object there, or give another URI."
        )
    return found


def _objects(client: Any, prefix: S3Uri) -> Iterator[S3Object]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key):
        for item in page.get("Contents", []):
            key: str = item["Key"]
            if not key.endswith("/"):
                yield S3Object(S3Uri(prefix.bucket, key), _relative(key, prefix.key))


def _relative(key: str, prefix: str) -> str:
    """`prefix` names a folder, a whole key, or the beginning of names within a folder."""
    if key.startswith(prefix.rstrip("/") + "/") and key != prefix:
        return key[len(prefix) :].lstrip("/")
    folder = str(PurePosixPath(prefix).parent)
    return key if folder == "." else key[len(folder) :].lstrip("/")


def objects_of_manifest(client: Any, manifest: S3Uri) -> list[S3Object]:
    """The objects that a manifest lists: `[{"prefix": "s3://bucket/folder/"}, "key", ...]`. Raises `ManifestError`."""
    content = client.get_object(Bucket=manifest.bucket, Key=manifest.key)["Body"].read()
    try:
        entries = json.loads(content)
    except ValueError as error:
        raise ManifestError(f"ClientError: manifest {str(manifest)!r} is not JSON: {error}") from None
    match entries:
        case [{"prefix": str(prefix)}, *names] if names and all(isinstance(name, str) for name in names):
            base = S3Uri.parse(prefix)
            return [S3Object(S3Uri(base.bucket, base.key + name), name.lstrip("/")) for name in names]
    raise ManifestError(
        f"ClientError: manifest {str(manifest)!r} must be a list of a prefix and at least one key: "
        f'[{{"prefix": "s3://bucket/folder/"}}, "key"]; got {content[:200].decode(errors="replace")}'
    )


def download(client: Any, items: Sequence[S3Object], directory: Path) -> None:
    """Copy objects into a directory, under their relative paths."""

    def fetch(item: S3Object) -> None:
        target = directory / item.relative_path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Not download_file: its threads for parts of an object cost more than they save on loopback.
        with target.open("wb") as file:
            shutil.copyfileobj(client.get_object(Bucket=item.uri.bucket, Key=item.uri.key)["Body"], file)

    with ThreadPoolExecutor(PARALLEL_TRANSFERS) as pool:
        list(pool.map(fetch, items))


def upload(client: Any, directory: Path, prefix: S3Uri) -> int:
    """Copy every file of a directory under a prefix. Returns how many there were."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())

    def put(path: Path) -> None:
        target = prefix / path.relative_to(directory).as_posix()
        with path.open("rb") as file:
            client.put_object(Bucket=target.bucket, Key=target.key, Body=file)

    with ThreadPoolExecutor(PARALLEL_TRANSFERS) as pool:
        list(pool.map(put, files))
    return len(files)
