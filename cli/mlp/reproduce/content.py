"""Whether two files hold the same: byte for byte, or, for archives with timestamps inside, member for member. Pure."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

from mlrecords.canonical import canonical, digest

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257


def fingerprint(content: bytes) -> str:
    """`sha256:...`, the same for the same bytes, and for archives (tar, gzip, zip and what builds on them) with the same members.

    Times, owners and compression of archives do not count; names, links and contents do. Pickles and all else count by their bytes.
    """
    inside = members(content)
    if inside is None:
        return digest(content)
    return digest(canonical({name: fingerprint(member) for name, member in inside.items()}))


def members(content: bytes) -> Mapping[str, bytes] | None:
    """What an archive holds, by name; None for what is no archive or a broken one."""
    try:
        if content.startswith(_GZIP):
            return {"": gzip.decompress(content)}
        if content.startswith(_ZIP):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return {name: archive.read(name) for name in archive.namelist()}
        if content[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
                return {_kind_and_name(entry): _read(tar, entry) for entry in tar}
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error):
        return None
    return None


def _kind_and_name(entry: tarfile.TarInfo) -> str:
    return f"{entry.type.decode()} {entry.name} {entry.linkname}"


def _read(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry) if entry.isfile() else None
    return b"" if file is None else file.read()
