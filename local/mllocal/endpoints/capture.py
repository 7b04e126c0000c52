"""Data capture: requests and answers of an endpoint as lines of JSON in S3, where a model monitor reads them.

Source: Amazon SageMaker AI developer guide, "Capture data from real-time endpoint"; API reference, `DataCaptureConfig`.
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mllocal.aws import Aws
from mllocal.s3 import S3Uri
from mllocal.sagemaker.store import Document, Scope

FLUSH_SECONDS = 5
MOST_LINES = 5000
"""Of one file, and of what waits for S3: older ones are dropped, as AWS does under load."""
_LOG = logging.getLogger("mllocal.endpoints")


@dataclass(frozen=True)
class Capture:
    """A `DataCaptureConfig`."""

    document: Document

    @classmethod
    def of(cls, document: Document | None) -> Capture | None:
        """None if nothing is captured."""
        return cls(document) if document and document.get("EnableCapture", False) else None

    def takes_a_sample(self) -> bool:
        """Whether this request is one of those that are captured."""
        return random.random() * 100 < float(self.document["InitialSamplingPercentage"])  # noqa: S311 - it only samples

    def summary(self) -> Document:
        """As DescribeEndpoint shows it."""
        return {
            "EnableCapture": True,
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": self.document["InitialSamplingPercentage"],
            "DestinationS3Uri": self.document["DestinationS3Uri"],
            "KmsKeyId": self.document.get("KmsKeyId", ""),
        }

    def line(self, given: Part, answered: Part, headers: Mapping[str, str]) -> str:
        """One request with its answer, of the modes that are asked for."""
        modes = {option["CaptureMode"] for option in self.document["CaptureOptions"]}
        data = {}
        if modes & {"Input", "InputAndOutput"}:
            data["endpointInput"] = self._part(given, "INPUT")
        if modes & {"Output", "InputAndOutput"}:
            data["endpointOutput"] = self._part(answered, "OUTPUT")
        metadata = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
        if "x-amzn-sagemaker-inference-id" in headers:
            metadata["inferenceId"] = headers["x-amzn-sagemaker-inference-id"]
        return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"})

    def _part(self, part: Part, mode: str) -> Document:
        types = self.document.get("CaptureContentTypeHeader", {})
        kind = part.content_type.partition(";")[0].strip()
        encoding = next(
            (name for name in ("CSV", "JSON") if kind in types.get(f"{name.capitalize()}ContentTypes", ())), "BASE64"
        )
        data = base64.b64encode(part.body).decode() if encoding == "BASE64" else part.body.decode(errors="replace")
        return {"observedContentType": part.content_type, "mode": mode, "data": data, "encoding": encoding}


@dataclass(frozen=True)
class Part:
    """A request or an answer."""

    content_type: str
    body: bytes


class CaptureFiles:
    """Lines on their way to S3, into a file for each variant every few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: defaultdict[tuple[Scope, str], list[str]] = defaultdict(list)

    def add(self, scope: Scope, folder: S3Uri, line: str) -> None:
        """Take a line for the folder of a variant."""
        with self._lock:
            lines = self._lines[scope, str(folder)]
            lines.append(line)
            del lines[:-MOST_LINES]

    def flush(self) -> None:
        """Write what there is."""
        with self._lock:
            lines, self._lines = self._lines, defaultdict(list)
        for (scope, folder), found in lines.items():
            _write(scope, S3Uri.parse(folder), found)


def _write(scope: Scope, folder: S3Uri, lines: Sequence[str]) -> None:
    now = datetime.now(UTC)
    target = folder / f"{now:%Y/%m/%d/%H/%M-%S}-{now.microsecond // 1000:03}-{uuid.uuid4()}.jsonl"
    client: Any = Aws(scope).client("s3")
    try:
        client.put_object(Bucket=target.bucket, Key=target.key, Body="".join(f"{line}\n" for line in lines).encode())
    except (ClientError, BotoCoreError) as error:
        _LOG.warning("captured data could not be written to %s: %s", target, error)
