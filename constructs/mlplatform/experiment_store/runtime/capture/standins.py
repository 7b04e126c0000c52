"""Until `mlrecords.masking`, `mlrecords.pins` and `mlrecords.rows` are there."""

import re
from collections.abc import Mapping
from typing import Any

_SECRET = re.compile(r"password|passwd|secret|token|credential|api_?key|private_?key|access_?key", re.IGNORECASE)


def masked(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Values whose names look secret are replaced."""
    return {
        key: "***" if _SECRET.search(key) and isinstance(value, str) else _inside(value)
        for key, value in mapping.items()
    }


def _inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked(value)
    return [_inside(item) for item in value] if isinstance(value, list) else value
