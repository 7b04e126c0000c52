"""Clients of the embedded AWS, for its own jobs and executions: plain boto3 against the loopback endpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import botocore.config

from mllocal.sagemaker.store import Scope

_CONFIG = botocore.config.Config(
    max_pool_connections=32,
    retries={"max_attempts": 2, "mode": "standard"},
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


# The emulator takes a 12-digit access key id as the account, and checks no secret.
SECRET_ACCESS_KEY = "embedded"  # noqa: S105


def endpoint_url() -> str:
    """Where this engine listens. The server sets it before anything asks."""
    return os.environ["AWS_ENDPOINT_URL"]


def mlflow_url() -> str:
    """Where MLflow of this engine listens: every app and tracking server is this one."""
    return os.environ["AWS_ENDPOINT_URL_MLFLOW"]


def environment(scope: Scope, url: str) -> dict[str, str]:
    """The variables with which an AWS SDK, the AWS CLI or the CDK CLI talks to the engine at `url`, in a scope."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": scope.account,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": scope.region,
        "AWS_DEFAULT_REGION": scope.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@dataclass(frozen=True)
class Aws:
    """boto3 clients that act in one account and region of the embedded AWS."""

    scope: Scope

    def client(self, service: str) -> Any:
        """A client of a service; made once per scope."""
        return client_of(service, self.scope, endpoint_url())


@cache
def client_of(service: str, scope: Scope, url: str) -> Any:
    """A boto3 client of the engine at `url`, in a scope."""
    session = boto3.Session(
        aws_access_key_id=scope.account,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        region_name=scope.region,
    )
    return session.client(service, endpoint_url=url, config=_CONFIG)
