"""One way to write a JSON document, and so one digest of it."""

import hashlib
import json
from typing import Any


def canonical(document: Any) -> bytes:
    """Plain JSON with sorted keys and no spaces, in UTF-8. Raises `ValueError` for a number that JSON has not (NaN, infinity)."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(content: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
