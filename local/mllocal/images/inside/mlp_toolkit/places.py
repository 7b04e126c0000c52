"""Paths of the container contract, and source archives."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

ML = Path(os.environ.get("ML_ROOT", "/opt/ml"))
CODE = ML / "code"
CONFIGURATION = ML / "input" / "config"
FAILURE = ML / "output" / "failure"
FAILURE_CHARACTERS = 1024


class ToolkitError(Exception):
    """A cause in the words of SageMaker's toolkit: `name` is its class of errors."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")


def write_failure(text: str) -> None:
    """Leave the reason that the service shows as `FailureReason`."""
    FAILURE.parent.mkdir(parents=True, exist_ok=True)
    FAILURE.write_text(text[-FAILURE_CHARACTERS:])


def fetch_source(source: str, target: Path) -> None:
    """Unpack a source archive from S3 or from a path; a directory is used as it is found in the container."""
    target.mkdir(parents=True, exist_ok=True)
    path = Path(source)
    if source.startswith("s3://"):
        import boto3

        location = urlsplit(source)
        path = target.parent / "sourcedir.tar.gz"
        boto3.client("s3").download_file(location.netloc, location.path.lstrip("/"), str(path))
    if path.is_dir():
        target.rmdir()
        target.symlink_to(path)
        return
    with tarfile.open(path, "r:gz") as archive:
        archive.extractall(target, filter="data")
