"""Objects of S3 that a kill cannot tear: see `mllocal.emulator.begun_objects`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ministack.services import s3

from mllocal.emulator.begun_objects import BEGUN, digest

_persist_one_after_the_other = s3._persist_object


def register_whole_objects() -> None:
    """Every object is written so from now on."""
    s3._persist_object = _persist_object


def _persist_object(bucket: str, key: str, record: Any) -> None:
    path = s3._object_disk_path(bucket, key)
    content = record.get("body") if isinstance(record, dict) else None
    if path is None or content is None:
        _persist_one_after_the_other(bucket, key, record)
        return
    said = {**s3._object_meta_from_record(record), **s3._key_history_meta(bucket, key), "key": key}
    begun = Path(f"{path}{BEGUN}")
    os.makedirs(begun.parent, mode=0o700, exist_ok=True)
    s3._atomic_write(str(begun), json.dumps({"digest": digest(content), "said": said}), text=True)
    _persist_one_after_the_other(bucket, key, record)
    begun.unlink()
