"""The archive of code that a job got: its digest, and what it asks to have installed."""

import gzip
import io
import tarfile
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlrecords.canonical import digest
from mlrecords.pins.clients import unless_out_of_reach
from mlrecords.pins.objects import NotKnownError, Place, read_at

MOST_ARCHIVE_BYTES = 64 * 1024**2
MOST_REQUIREMENTS_BYTES = 256 * 1024
REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True)
class Archive:
    """`requirements` is the text of its `requirements.txt`, which SageMaker's framework images install when the job starts."""

    uri: str
    sha256: str
    requirements: str | None


def find_archive(s3: Any, uri: str, moment: datetime) -> Archive | None:
    """The archive, or single script, that was at an S3 URI at a moment; None if there were several objects, or none to read."""
    place = Place.of(uri)
    try:
        objects = place and unless_out_of_reach(lambda: read_at(s3, place, moment))
    except NotKnownError:
        return None
    exact = [one for one in objects or () if one.key == ""] or list(objects or ())
    if place is None or len(exact) != 1 or exact[0].size_bytes > MOST_ARCHIVE_BYTES:
        return None
    content = unless_out_of_reach(lambda: s3.get_object(**place.request(exact[0]))["Body"].read())
    return content and Archive(f"{uri}{exact[0].key}", digest(content), requirements_in(content))


def requirements_in(archive: bytes) -> str | None:
    """The `requirements.txt` at the top of a tar.gz; None for none, and for what is no tar.gz."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
            for member in files:
                if member.isfile() and member.name.removeprefix("./") == REQUIREMENTS:
                    content = files.extractfile(member)
                    return content.read(MOST_REQUIREMENTS_BYTES).decode() if content else None
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError):
        return None
    return None
