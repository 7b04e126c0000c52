"""Answers of asynchronous endpoints: objects in S3 that appear when a request is done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

_NOT_THERE = ("404", "403", "NoSuchKey", "AccessDenied")
"""Without the right to list a bucket, S3 says 403 of what is not there (S3 API reference, HeadObject)."""
_LOOKS = 200
_MOST_CHARACTERS = 300


@dataclass(frozen=True)
class AnswersInS3:
    """Looks for an answer two hundred times in `timeout_seconds`. A latency is measured too long, by one such pause at most."""

    s3: Any
    timeout_seconds: float

    def wait(self, output: str, failure: str | None) -> str | None:
        """None when the output is there; otherwise what the failure says, or that neither came."""
        until = time.monotonic() + self.timeout_seconds
        while time.monotonic() < until:
            if self._read(output) is not None:
                return None
            said = None if failure is None else self._read(failure)
            if said is not None:
                return said.decode(errors="replace")[:_MOST_CHARACTERS]
            time.sleep(self.timeout_seconds / _LOOKS)
        return f"there is neither an output nor a failure after {self.timeout_seconds:g} seconds: {output}"

    def _read(self, uri: str) -> bytes | None:
        parts = urlsplit(uri)
        try:
            answer = self.s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_THERE:
                raise
            return None
        content: bytes = answer["Body"].read()
        return content
