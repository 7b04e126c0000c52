"""Data as a record pins it: what its names mean now, and the content that they meant when the run started."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlp.reproduce.verdict import Cause, Finding, cannot
from mlrecords.canonical import digest
from mlrecords.codec import from_json
from mlrecords.record import Data, DataListing, DataObject
from mlrecords.store import MissingBlobError, RecordStore

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"})
_ALGORITHM = "sha256:"


@dataclass(frozen=True, kw_only=True)
class PinnedObject:
    """One object or file that a run read or wrote."""

    name: str
    uri: str
    item: DataObject

    @property
    def place(self) -> str:
        """The object's own URI."""
        return joined(self.uri, self.item.key)

    @property
    def sha256(self) -> str | None:
        """`sha256:` and 64 digits; None where the record has no hash of the content."""
        found = self.item.sha256
        return None if found is None else f"{_ALGORITHM}{found.removeprefix(_ALGORITHM)}"

    def is_content(self, content: bytes) -> bool:
        """Whether this is what the record pins, as far as it says."""
        return self.sha256 in (None, digest(content)) and len(content) == self.item.size_bytes


@dataclass(frozen=True)
class Pins:
    """Reads pinned content: blobs of the store, versions of S3 objects, files of this machine. `s3` is a client of boto3.

    `roots` are work trees of the run's repository on this machine: a file's name that is relative means a file there.
    """

    store: RecordStore
    s3: Any
    roots: tuple[Path, ...] = ()

    def objects(self, name: str, data: Data) -> tuple[PinnedObject, ...]:
        """Every object of an input or output; none where the record has no listing of it.

        Raises `NotReproducibleError` when the listing is not kept any more.
        """
        if data.listing is None:
            return ()
        try:
            content = self.store.blob(data.listing)
        except MissingBlobError as error:
            raise cannot(Cause.MISSING_FILE, f"what {name} held is not known any more: {error}") from error
        listing = from_json(DataListing, json.loads(content), f"the listing of {name}")
        return tuple(PinnedObject(name=name, uri=listing.uri, item=item) for item in listing.objects)

    def content(self, pinned: PinnedObject) -> bytes:
        """What the object held. Raises `NotReproducibleError` when that is kept nowhere."""
        found = next((one for one in self._candidates(pinned) if pinned.is_content(one)), None)
        if found is None:
            raise cannot(
                Cause.MISSING_FILE, f"{_named(pinned)} is kept nowhere any more as the run read it{_version(pinned)}"
            )
        return found

    def is_kept(self, pinned: PinnedObject) -> bool:
        """Whether the content can still be had. A version of an object in S3 does not change, so it is not read for that."""
        version = versioned(pinned.item.version_id) if pinned.place.startswith("s3://") else None
        if version is not None:
            return self._has_version(*split(pinned.place), version)
        return any(pinned.is_content(one) for one in self._candidates(pinned))

    def _has_version(self, bucket: str, key: str, version: str) -> bool:
        try:
            self.s3.head_object(Bucket=bucket, Key=key, VersionId=version)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            return False
        return True

    def moved(self, pinned: PinnedObject) -> Finding | None:
        """What its name means now, if that is not what the run read; None for a file whose place is not on this machine."""
        if not pinned.place.startswith("s3://"):
            return self._moved_file(pinned)
        bucket, key = split(pinned.place)
        try:
            now = self.s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            return self._lost(pinned, "was deleted since")
        if self._is_same(pinned, now):
            return None
        was = pinned.item.version_id or pinned.item.etag or pinned.sha256
        return self._lost(
            pinned,
            f"was overwritten since: the run read {was}, its name now means {now.get('VersionId') or now['ETag']}",
        )

    def _moved_file(self, pinned: PinnedObject) -> Finding | None:
        for file in self._files(pinned):
            now = _digest_of(file)
            if pinned.sha256 not in (None, now):
                return self._lost(pinned, f"was changed since: the run read {pinned.sha256}, {file} now holds {now}")
        return None

    def added(self, data: Data, pinned: Sequence[PinnedObject]) -> Finding | None:
        """Objects that a prefix in S3 names now besides those that the run read."""
        if not pinned or not data.uri.startswith("s3://"):
            return None
        bucket, prefix = split(data.uri)
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        there = {f"s3://{bucket}/{item['Key']}" for page in pages for item in page.get("Contents", ()) if item["Size"]}
        new = sorted(there - {one.place for one in pinned})
        if not new:
            return None
        listed = ", ".join(new[:3]) + (f" and {len(new) - 3} more" if len(new) > 3 else "")
        return Finding(
            cause=Cause.DATA,
            sentence=f"input {pinned[0].name} ({data.uri}) has more objects now than the run read: {listed}; --as-recorded leaves them out",
        )

    def _is_same(self, pinned: PinnedObject, now: dict[str, Any]) -> bool:
        version = versioned(pinned.item.version_id)
        if not (version or pinned.sha256 or pinned.item.etag):
            return True  # The record pins nothing that could differ.
        if version is not None and now.get("VersionId") == version:
            return True
        if pinned.sha256 is not None and now["ContentLength"] == pinned.item.size_bytes:
            bucket, key = split(pinned.place)
            return digest(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()) == pinned.sha256
        return pinned.item.etag is not None and now["ETag"].strip('"') == pinned.item.etag.strip('"')

    def _lost(self, pinned: PinnedObject, what: str) -> Finding:
        kept = self.is_kept(pinned)
        return Finding(
            cause=Cause.DATA if kept else Cause.MISSING_FILE,
            sentence=f"{_named(pinned)} {what}; what the run read is "
            + ("still kept, and --as-recorded takes it" if kept else "kept nowhere any more"),
        )

    def _candidates(self, pinned: PinnedObject) -> Iterator[bytes]:
        """Content that may be the pinned one, from the surest place on."""
        if pinned.sha256 is not None:
            with suppress(MissingBlobError):  # Content of objects in S3 is not copied into the store.
                yield self.store.blob(pinned.sha256)
        if pinned.place.startswith("s3://"):
            yield from self._version(pinned)
        for file in self._files(pinned):
            if _digest_of(file) == pinned.sha256:
                yield file.read_bytes()

    def _files(self, pinned: PinnedObject) -> list[Path]:
        """Files of this machine that have the name."""
        if pinned.place.startswith("s3://"):
            return []
        path = Path(file_path(pinned.place))
        places = [path] if path.is_absolute() else [root / path for root in self.roots]
        return [place for place in places if place.is_file()]

    def _version(self, pinned: PinnedObject) -> Iterator[bytes]:
        bucket, key = split(pinned.place)
        version = {"VersionId": found} if (found := versioned(pinned.item.version_id)) else {}
        try:
            answer = self.s3.get_object(Bucket=bucket, Key=key, **version)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            return
        etag = pinned.item.etag
        if version or pinned.sha256 is not None or (etag is not None and answer["ETag"].strip('"') == etag.strip('"')):
            yield answer["Body"].read()


def versioned(version_id: str | None) -> str | None:
    """A version id that can be asked for again; None for an object of a bucket without versions."""
    return None if version_id == "null" else version_id


def joined(uri: str, key: str) -> str:
    """The URI of an object of a listing: keys in S3 go on where the URI ends, files are below it."""
    return f"{uri}/{key}" if key and uri.startswith("file:") else f"{uri}{key}"


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def file_path(uri: str) -> str:
    """The path in a `file:` URI, relative to the repository's root or absolute."""
    path = uri.removeprefix("file:")
    return path[2:] if path.startswith("//") else path


def _named(pinned: PinnedObject) -> str:
    return f"input {pinned.name} ({pinned.place})"


def _version(pinned: PinnedObject) -> str:
    return "" if pinned.item.version_id is None else f": its version {pinned.item.version_id} is gone"


def _digest_of(file: Path) -> str:
    with file.open("rb") as opened:
        return f"{_ALGORITHM}{hashlib.file_digest(opened, 'sha256').hexdigest()}"
