"""Where runs are sent: the embedded AWS of this directory, or AWS as boto3 finds it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    TokenRetrievalError,
)

from mlplatform.tracking.errors import TrackError
from mlrecords.observations import Observation
from mlrecords.sending import send
from mlrecords.store import RecordStore

RECORDS_PARAMETER = "/mlplatform/experiments/records-bucket"
MLFLOW_PARAMETER = "/mlplatform/projects/{project}/mlflow"
"""What `mlflow.set_tracking_uri` takes: the ARN of the project's own app."""
_STATE_DIRECTORY, _ENGINE_FILE = ".mlp", "engine.json"
_CONFIG = Config(connect_timeout=5, retries={"mode": "standard", "max_attempts": 3})
_UNREACHABLE = (ConnectionError, HTTPClientError, NoCredentialsError, NoRegionError, TokenRetrievalError)


class OfflineError(Exception):
    """The store is not to be reached now; the message says why."""


@dataclass(frozen=True)
class Target:
    """An account. `endpoint_url` and `mlflow_url` are those of an embedded AWS, else None."""

    label: str
    session: Any
    endpoint_url: str | None = None
    mlflow_url: str | None = None

    @property
    def key(self) -> str:
        """What is kept for it, is kept under this name."""
        return hashlib.sha256(self.label.encode()).hexdigest()[:16]

    @cached_property
    def store(self) -> RecordStore:
        """The run records. Raises `OfflineError`, or `TrackError` if the account has none."""
        if self.session is None:
            raise OfflineError(f"{self.label} is not running; start it with `mlp up`")
        try:
            return RecordStore(self.client("s3"), self._parameter(RECORDS_PARAMETER))
        except _UNREACHABLE as error:
            raise OfflineError(f"{self.label} cannot be reached: {error}") from error
        except ClientError as error:
            raise TrackError(
                f"{self.label} has no experiment store that you may use ({error}); deploy it with "
                "`cdk deploy 'mlp-*-experiment-store'`, or ask for access to it"
            ) from error

    @cached_property
    def caller(self) -> dict[str, str]:
        """Account, Region and ARN of whoever runs this."""
        found = self.client("sts").get_caller_identity()
        return {"account": found["Account"], "arn": found["Arn"], "region": self.session.region_name}

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.session.client(service, endpoint_url=self.endpoint_url, config=_CONFIG)

    def mlflow_uri(self, project: str) -> str:
        """What `mlflow.set_tracking_uri` takes. Raises `TrackError` if the account has none for the project."""
        override = self.mlflow_url or os.environ.get("AWS_ENDPOINT_URL_MLFLOW")
        if override is not None:
            return override
        name = MLFLOW_PARAMETER.format(project=project)
        try:
            return self._parameter(name)
        except ClientError as error:
            raise TrackError(
                f"{self.label} has no MLflow app that you may use for project {project!r} ({name}: {error}); say "
                "track(project=...) with a project of the account, or set MLFLOW_TRACKING_URI"
            ) from error

    def send(self, observation: Observation) -> None:
        """Send an observation to the capture."""
        send(self.client("events"), observation)

    def _parameter(self, name: str) -> str:
        value: str = self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        return value


def find_target(directory: Path) -> Target:
    """AWS_ENDPOINT_URL if it is set, else the embedded AWS of the directory or of one above it, else AWS: as `mlp` does.

    Work meant for the laptop does not go to AWS by accident: while the embedded AWS of the directory is down, it waits for it.
    """
    if url := os.environ.get("AWS_ENDPOINT_URL"):
        return Target(f"the endpoint {url}", boto3.Session())
    home = next((above for above in (directory, *directory.parents) if (above / _STATE_DIRECTORY).is_dir()), None)
    if home is None:
        session = boto3.Session()
        return Target(f"AWS (profile {session.profile_name}, {session.region_name or 'no region'})", session)
    file, label = home / _STATE_DIRECTORY / _ENGINE_FILE, f"the embedded AWS of {home}"
    if not file.exists():
        return Target(label, None)
    engine = json.loads(file.read_text())
    session = boto3.Session(
        aws_access_key_id=engine["account"],  # The engine reads the account off the key; real keys must not reach it.
        aws_secret_access_key="embedded",  # noqa: S106
        region_name=engine["region"],
    )
    return Target(label, session, engine["endpoint_url"], engine["mlflow_url"])
