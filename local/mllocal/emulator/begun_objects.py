"""What an engine that was killed had begun to write to S3. Without ministack, which loads what is there as soon as it is imported.

An object and what is said of it are two files. ministack replaces the content, and then what is said of it: with the size of the one and
the content of the other, nobody could read the object any more. So what will be said is put beside them first, with the digest of the
content that it is of (`mllocal.emulator.whole_objects`). A start finishes what was begun, if the content is there, or forgets it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

BEGUN = ".begun.tmp"  # ministack takes no file whose name ends so for an object.
_SAID = ".meta.json"


def digest(content: bytes) -> str:
    """By which it is known which content is there."""
    return hashlib.sha256(content).hexdigest()


def finish_begun(objects: Path) -> None:
    """Before ministack is imported, so that it finds each object as it was, or as it was to become."""
    for begun in objects.rglob(f"*{BEGUN}"):
        wanted, path = json.loads(begun.read_text(encoding="utf-8")), Path(str(begun).removesuffix(BEGUN))
        if path.is_file() and digest(path.read_bytes()) == wanted["digest"]:
            said = Path(f"{path}{_SAID}.tmp")
            said.write_text(json.dumps(wanted["said"]), encoding="utf-8")
            said.replace(f"{path}{_SAID}")
        begun.unlink()
