"""What makes data the same data: one digest over the objects of a listing. Pure."""

from collections.abc import Iterable

from mlrecords.canonical import canonical, digest
from mlrecords.record import DataObject

UNVERSIONED = "null"
"""The version id that S3 gives objects that were written while their bucket had no versions."""


def version_of(objects: Iterable[DataObject]) -> str:
    """`Data.version`: the same names, sizes and content are the same version, in whatever bucket and whenever written.

    Content is told by the best that is known of an object: its SHA-256, else the checksum that S3 keeps, else the ETag (which
    is of the content for an object that was not encrypted with a key of KMS nor uploaded in parts), else its version id.
    """
    return digest(canonical(sorted([one.key, one.size_bytes, content_of(one)] for one in objects)))


def content_of(one: DataObject) -> str | None:
    """What tells the content of an object, as far as it is known."""
    return one.sha256 or one.checksum or one.etag or one.version_id
