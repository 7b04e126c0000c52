"""Files and objects that a run reads or writes, pinned by their content."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlplatform.tracking.errors import TrackError
from mlrecords.canonical import canonical
from mlrecords.codec import to_json
from mlrecords.data import version_of
from mlrecords.pins.objects import NotKnownError, Place, listing_of, read_at, with_content
from mlrecords.pins.parquet import NotParquetError, Table, read_footer
from mlrecords.pins.tables import MOST_CSV_BYTES, read_csv, table_of
from mlrecords.record import Data, DataListing, DataObject

LARGEST_KEPT_BYTES = 64 * 1024 * 1024
"""Files up to here are kept in the store, so that the run can be repeated when they are gone; of larger ones only the hash."""
_CHUNK_BYTES = 1024 * 1024

Keep = Callable[[bytes], str]


def of_path(path: Path, root: Path | None, keep: Keep) -> tuple[Data, tuple[DataObject, ...]]:
    """A file, or a directory with everything below it. `root` is the repository, to which its URI is relative.

    Raises `TrackError` if there is nothing.
    """
    if not path.exists():
        raise TrackError(f"{path} is not there; give a file or a directory that is")
    objects = _objects(path, keep)
    table = _table(path) if path.is_file() else None
    place = path.resolve()
    relative = place.relative_to(root.resolve()) if root and place.is_relative_to(root.resolve()) else place
    uri = f"file:{relative.as_posix()}"
    listing = DataListing(uri=f"{uri}/" if path.is_dir() else uri, objects=objects)
    return _data(uri, listing, table, keep), objects


def of_objects(s3: Any, uri: str, keep: Keep) -> tuple[Data, tuple[DataObject, ...]]:
    """The objects at or below an S3 URI, in their versions of now. Raises `TrackError` if there are none."""
    place = Place.of(uri)
    if place is None:
        raise TrackError(f"{uri!r} is no place in S3; use s3://<bucket>/<key>")
    try:
        objects = with_content(s3, place, read_at(s3, place, datetime.now(UTC)))
    except NotKnownError as error:
        raise TrackError(f"{uri} cannot be pinned: {error}") from error
    if not objects:
        raise TrackError(f"there is no object at {uri}")
    return _data(uri, listing_of(place, objects), table_of(s3, place, objects), keep), objects


def download(s3: Any, uri: str, objects: tuple[DataObject, ...], target: Path) -> Path:
    """Put pinned objects below a directory, each in its version; the file for a single object, else the directory."""
    place = Place.of(uri)
    assert place is not None  # noqa: S101 - `of_objects` took it
    name = place.key.rstrip("/").rpartition("/")[2] or place.bucket
    for one in objects:
        file = target / name / one.key.lstrip("/") if one.key else target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            for chunk in s3.get_object(**place.request(one))["Body"].iter_chunks(_CHUNK_BYTES):
                opened.write(chunk)
    return target / name


def _objects(path: Path, keep: Keep) -> tuple[DataObject, ...]:
    if path.is_file():
        return (_of_file(path, "", keep),)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return tuple(_of_file(file, file.relative_to(path).as_posix(), keep) for file in files)


def _of_file(file: Path, key: str, keep: Keep) -> DataObject:
    size = file.stat().st_size
    sha256 = keep(file.read_bytes()) if size <= LARGEST_KEPT_BYTES else _sha256(file)
    return DataObject(key=key, size_bytes=size, sha256=sha256)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"


def _data(uri: str, listing: DataListing, table: Table | None, keep: Keep) -> Data:
    return Data(
        uri=uri,
        version=version_of(listing.objects),
        listing=keep(canonical(to_json(listing))),
        object_count=len(listing.objects),
        size_bytes=sum(one.size_bytes for one in listing.objects),
        rows=table.rows if table else None,
        columns=table.columns if table else {},
    )


def _table(file: Path) -> Table | None:
    """Rows and columns of a table that is cheap to look at."""
    size = file.stat().st_size
    try:
        if file.suffix == ".csv" and size <= MOST_CSV_BYTES:
            return read_csv(file.read_bytes())
        if file.suffix == ".parquet":
            with file.open("rb") as opened:
                return read_footer(lambda start, end: _read(opened, start, end), size)
    except (NotParquetError, UnicodeDecodeError, csv.Error):
        return None
    return None


def _read(opened: Any, start: int, end: int) -> bytes:
    opened.seek(start)
    content: bytes = opened.read(end - start)
    return content
