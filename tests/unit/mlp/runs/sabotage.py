"""What may have happened to an archive on its way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

METADATA = "ro-crate-metadata.json"
Contents = dict[str, bytes]


def _one_of(contents: Contents, folder: str) -> str:
    return next(name for name in sorted(contents) if name.startswith(f"{folder}/"))


def lose(folder: str) -> Callable[[Contents], object]:
    return lambda contents: contents.pop(_one_of(contents, folder))


def change(folder: str, old: bytes, new: bytes, *, tell: bool) -> Callable[[Contents], object]:
    """Change a file; `tell`: also in the description, as somebody would who wants it to look right."""

    def changed(contents: Contents) -> None:
        name = next(name for name in sorted(contents) if name.startswith(f"{folder}/") and old in contents[name])
        before = hashlib.sha256(contents[name]).hexdigest()
        contents[name] = contents[name].replace(old, new)
        if tell:
            after = hashlib.sha256(contents[name]).hexdigest()
            said = contents[METADATA].decode()
            contents[METADATA] = said.replace(f'"sha256": "{before}"', f'"sha256": "{after}"').encode()

    return changed


def add(name: str) -> Callable[[Contents], object]:
    return lambda contents: contents.update({name: b"x"})


def forget_record(contents: Contents) -> None:
    """A run without its record, in files and in the description."""
    name = _one_of(contents, "records")
    del contents[name]
    document = json.loads(contents[METADATA])
    document["@graph"] = [entity for entity in document["@graph"] if entity["@id"] != name]
    contents[METADATA] = json.dumps(document).encode()
