"""Files that appear whole, and how a job says why it ended."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEFAULT_MESSAGE_FILE = Path(os.environ.get("SM_OUTPUT_MESSAGE_FILE", "/opt/ml/output/message"))
MESSAGE_LIMIT = 1024  # API reference, DescribeProcessingJob, ExitMessage.
_CHUNK_BYTES = 1 << 20


class JobError(Exception):
    """The job cannot go on. The message begins with a word that stays the same, such as `EmptyInput:`."""


def leave_message(error: JobError, message_file: Path) -> None:
    """Say why, in the log and where SageMaker looks for a job's exit message."""
    print(error, file=sys.stderr, flush=True)
    if message_file.parent.is_dir():
        message_file.write_text(str(error)[:MESSAGE_LIMIT], encoding="utf-8")


@contextmanager
def workspace(output: Path) -> Iterator[Path]:
    """A directory for files in the making: beside the output, so on its volume, but not in it, where it would be uploaded."""
    output.mkdir(parents=True, exist_ok=True)
    directory = output.parent / f".{output.name}-partial"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def move_into_place(made: Path, target: Path) -> None:
    """Make a finished file appear under its name, at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(made, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # The output is a mount of its own: copy under a hidden name first, so that the file's own name shows it whole.
        hidden = target.with_name(f".{target.name}.partial")
        shutil.copyfile(made, hidden)
        os.replace(hidden, target)
        made.unlink()


def write_json(target: Path, content: Any, directory: Path) -> None:
    """Write JSON by way of a directory for files in the making."""
    made = directory / f"{target.name}.making"
    made.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
    move_into_place(made, target)


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256_of(path: Path) -> str:
    """The digest of a file, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
