"""Where recorded jobs run again: an engine of their own in the clean directory, or the same account under a new prefix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import mllocal
from mllocal.images import REGISTRATIONS_FILE
from mllocal.images.catalog import read_registrations
from mlp.reproduce.pinned import PinnedObject, Pins, split
from mlp.target import DEFAULT_ACCOUNT, DEFAULT_REGION
from mlrecords.record import Identity, Image

_S3_URI = re.compile(r"s3://[^\s\"',]+")
_NAME_LIMIT = 63
_NAMES = ("TrainingJobName", "ProcessingJobName", "TransformJobName", "ModelName")


class Place(Protocol):
    """Runs jobs for as long as it is entered."""

    can_pin_images: bool

    def __enter__(self) -> Self:
        """Make it ready."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what was started."""

    def client(self, service: str) -> Any:
        """A boto3 client."""

    def put(self, pinned: PinnedObject, pins: Pins) -> None:
        """Have an object as the record pins it. Raises `NotReproducibleError`."""

    def request(self, request: Mapping[str, Any], image: Image | None) -> dict[str, Any]:
        """The recorded request as it is made here."""

    def uri(self, uri: str) -> str:
        """Where an S3 URI of the record is here."""


class PrivateEngine:
    """An embedded AWS of its own: every URI and name is as recorded, and nothing of the run reaches the experiment store.

    `home` is the directory of the engine that the record is of: a team's own images are those registered there.
    """

    can_pin_images = False

    def __init__(self, directory: Path, identity: Identity, home: Path) -> None:
        self._directory = directory
        self._home = home
        self._identity = identity
        self._engine: mllocal.Engine | None = None
        self._buckets: set[str] = set()

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True)
        entries = [
            f'[[image]]\nimage = "{entry.label}"\ndirectory = "{entry.directory}"\n'
            for entry in read_registrations(self._home / REGISTRATIONS_FILE)
        ]
        (self._directory / REGISTRATIONS_FILE).write_text("".join(entries))
        account = self._identity.account or DEFAULT_ACCOUNT
        self._engine = mllocal.up(self._directory, account=account, region=self._identity.region or DEFAULT_REGION)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        mllocal.down(self._directory)

    def client(self, service: str) -> Any:
        if self._engine is None:
            raise RuntimeError("the engine is entered before it is used")
        return self._engine.client(service)

    def put(self, pinned: PinnedObject, pins: Pins) -> None:
        bucket, key = self._in_bucket(pinned.place)
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=pins.content(pinned))

    def request(self, request: Mapping[str, Any], image: Image | None) -> dict[str, Any]:
        for uri in _S3_URI.findall(str(request)):
            self._in_bucket(uri)
        environment = request.get("Environment", {})
        if "MLFLOW_TRACKING_URI" not in environment or self._engine is None:
            return dict(request)
        return {**request, "Environment": {**environment, "MLFLOW_TRACKING_URI": self._engine.mlflow_url}}

    def uri(self, uri: str) -> str:
        return uri

    def _in_bucket(self, uri: str) -> tuple[str, str]:
        bucket, key = split(uri)
        if bucket not in self._buckets:
            self.client("s3").create_bucket(Bucket=bucket)
            self._buckets.add(bucket)
        return bucket, key


@dataclass
class NewPrefix:
    """The account that the record is of: inputs are copied by their versions, and all that is written goes, under `prefix`.

    `names` are those of the jobs, to which `suffix` is added. They are jobs of the account like any others, so they cost what those
    cost and have records of their own. Images are named by the digests that the record pins.
    """

    target: Any
    prefix: str
    suffix: str
    names: frozenset[str]
    can_pin_images: bool = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def client(self, service: str) -> Any:
        return self.target.client(service)

    def put(self, pinned: PinnedObject, pins: Pins) -> None:
        bucket, key = split(pinned.place)
        new_bucket, new_key = split(self.uri(pinned.place))
        version = {"VersionId": pinned.item.version_id} if pinned.item.version_id else {}
        if not version:
            pins.content(pinned)  # Raises if the name has other content by now.
        self.client("s3").copy(CopySource={"Bucket": bucket, "Key": key, **version}, Bucket=new_bucket, Key=new_key)

    def request(self, request: Mapping[str, Any], image: Image | None) -> dict[str, Any]:
        moved: dict[str, Any] = self._moved(dict(request), image)
        return {**moved, **{member: self._new_name(str(request[member])) for member in _NAMES if member in request}}

    def uri(self, uri: str) -> str:
        if uri.startswith(self.prefix):
            return uri
        # SageMaker puts a training job's name into its model's URI, and job names have to be new.
        parts = uri.removeprefix("s3://").split("/")
        return "/".join([self.prefix, *(self._new_name(part) if part in self.names else part for part in parts)])

    def _new_name(self, name: str) -> str:
        return f"{name[: _NAME_LIMIT - len(self.suffix) - 1]}-{self.suffix}"

    def _moved(self, value: Any, image: Image | None) -> Any:
        if isinstance(value, dict):
            return {name: self._moved(item, image) for name, item in value.items()}
        if isinstance(value, list):
            return [self._moved(item, image) for item in value]
        if not isinstance(value, str):
            return value
        if image is not None and image.digest is not None and value == image.uri:
            return f"{image.uri.rpartition(':')[0]}@{image.digest}"
        return _S3_URI.sub(lambda found: self.uri(found[0]), value)
