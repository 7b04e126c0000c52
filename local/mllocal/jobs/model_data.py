"""The model that a container serves: `model.tar.gz` from S3, unpacked where the container finds it."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

from mllocal.jobs.hosts import Host
from mllocal.jobs.runner import JobFailedError
from mllocal.s3 import S3Uri


def unpack_model(s3: Any, host: Host, uri: str | None) -> None:
    """Fill `/opt/ml/model` of a host; empty without a URI. Raises `JobFailedError` for data that cannot be read."""
    target = host.ml / "model"
    target.mkdir(parents=True, exist_ok=True)
    if uri is None:
        return
    location = S3Uri.parse(uri)
    archive = host.directory / "model.tar.gz"
    try:
        s3.download_file(location.bucket, location.key, str(archive))
    except s3.exceptions.ClientError as error:
        raise JobFailedError(f"ClientError: model data {uri} cannot be read: {error}") from None
    _extract(archive, target)


def _extract(archive: Path, target: Path) -> None:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(target, filter="data")
    except tarfile.TarError as error:
        raise JobFailedError(f"ClientError: model data is not a tar.gz archive: {error}") from None
