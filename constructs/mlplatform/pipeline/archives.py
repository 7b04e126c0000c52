"""Archives whose bytes depend on nothing but the files in them."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

_IGNORED_NAMES = frozenset({"__pycache__", "node_modules"})
_IGNORED_SUFFIXES = frozenset({".pyc", ".pyo"})
_EPOCH_OF_ZIP = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o644


def read_files(directory: Path) -> dict[str, bytes]:
    """The files under a directory by relative POSIX path, sorted; hidden files, caches and bytecode are left out."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not _is_ignored(path.relative_to(directory))
    }


def content_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents.

    It identifies an asset instead of the archive's own bytes, since two builds of zlib compress differently.
    """
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz: sorted, no owners, no times."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), _FILE_MODE, 0
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def zip_archive(files: Mapping[str, bytes]) -> bytes:
    """A zip: sorted, one fixed time, readable by everyone, as Lambda wants it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH_OF_ZIP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _FILE_MODE << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def _is_ignored(path: Path) -> bool:
    hidden_or_cache = any(part.startswith(".") or part in _IGNORED_NAMES for part in path.parts)
    return hidden_or_cache or path.suffix in _IGNORED_SUFFIXES
