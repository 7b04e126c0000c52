"""Clients of AWS, made once for all steps and invocations: reading a service's description takes longer than a call."""

from functools import cache
from typing import Any

import boto3


@cache
def client(service: str) -> Any:
    """The client of a service."""
    return boto3.client(service)
