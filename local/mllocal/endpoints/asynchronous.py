"""Requests to asynchronous endpoints: kept until an instance has answered them, into S3.

Source: Amazon SageMaker AI developer guide, "Asynchronous inference"; Runtime API reference, "InvokeEndpointAsync".
"""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mllocal.endpoints.invocations import Call
from mllocal.s3 import S3Uri
from mllocal.sagemaker.store import Document, Store

KIND = "AsyncInvocation"
_HEADER = "x-amzn-sagemaker-"
# The developer guide, "Invoke an asynchronous endpoint".
DEFAULT_TTL_SECONDS, DEFAULT_TIMEOUT_SECONDS = 21_600, 900
ATTEMPTS = 3


@dataclass(frozen=True)
class Accepted:
    """A request that was taken: where its answer or its failure will be."""

    inference_id: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Request:
    """One that waits, or is worked on."""

    document: Document

    @property
    def arn(self) -> str:
        """Its key in the store."""
        arn: str = self.document["Arn"]
        return arn

    @property
    def is_expired(self) -> bool:
        """Whether it has waited longer than it may."""
        received, ttl = float(self.document["ReceivedAt"]), float(self.document["TtlSeconds"])
        return time.time() > received + ttl

    @property
    def inline_body(self) -> bytes | None:
        """Its body, if it came with the request."""
        text = self.document.get("Body")
        return None if text is None else base64.b64decode(text)

    @property
    def headers(self) -> dict[str, str]:
        """What the container gets."""
        headers: dict[str, str] = self.document["Headers"]
        return headers


class Backlog:
    """The requests of one endpoint, in the order in which they came. A killed engine's successor finds them."""

    def __init__(self, store: Store, endpoint_arn: str) -> None:
        self._store = store
        self._endpoint_arn = endpoint_arn
        self._lock = threading.Lock()
        self._waiting = [
            Request(document) for document in store.everywhere(KIND) if document["Endpoint"] == endpoint_arn
        ]
        self._working: set[str] = set()
        self._lost: Counter[str] = Counter()

    def __len__(self) -> int:
        """Those that wait and those that are worked on."""
        return len(self._waiting) + len(self._working)

    def add(self, call: Call, configuration: Document) -> Accepted:
        """Keep a request."""
        document = _document(call, configuration["OutputConfig"], self._endpoint_arn)
        with self._lock:
            self._store.insert(KIND, document["Arn"], document)
            self._waiting.append(Request(document))
        told = {"X-Amzn-SageMaker-OutputLocation": document["Output"]}
        if document["Failure"] is not None:
            told["X-Amzn-SageMaker-FailureLocation"] = document["Failure"]
        return Accepted(document["InferenceId"], told)

    def first(self) -> Request | None:
        """The one that has waited longest."""
        return self._waiting[0] if self._waiting else None

    def take(self) -> Request:
        """The same, which is worked on from now."""
        with self._lock:
            request = self._waiting.pop(0)
            self._working.add(request.arn)
        return request

    def is_worth_another(self, request: Request) -> bool:
        """Whether to try a request again that was lost with its instance: it may be what ends instances."""
        self._lost[request.arn] += 1
        return self._lost[request.arn] < ATTEMPTS

    def put_back(self, request: Request) -> None:
        """It was not answered, and comes first again."""
        with self._lock:
            self._working.discard(request.arn)
            self._waiting.insert(0, request)

    def done(self, request: Request) -> None:
        """It has its answer or its failure."""
        with self._lock:
            self._store.delete(request.arn)
            self._working.discard(request.arn)

    def forget(self) -> None:
        """The endpoint is deleted, and what waits with it."""
        with self._lock:
            for request in self._waiting:
                self._store.delete(request.arn)
            self._waiting = []


def _document(call: Call, output: Document, endpoint_arn: str) -> Document:
    name = str(uuid.uuid4())
    told: Mapping[str, str] = call.headers
    passed_on = {
        "content-type": told.get(f"{_HEADER}content-type", ""),
        "accept": told.get(f"{_HEADER}accept", ""),
        f"{_HEADER}custom-attributes": told.get(f"{_HEADER}custom-attributes", ""),
    }
    inline = {"Body": base64.b64encode(call.body).decode()} if call.body else {}
    extension = told.get(f"{_HEADER}s3outputpathextension", "").strip("/")
    folder = S3Uri.parse(output["S3OutputPath"])
    failures = output.get("S3FailurePath")
    return {
        "Arn": call.scope.arn(f"async-invocation/{call.endpoint}/{name}"),
        "Endpoint": endpoint_arn,
        "InferenceId": told.get(f"{_HEADER}inference-id", name),
        "Input": told.get(f"{_HEADER}inputlocation"),
        "Headers": {header: value for header, value in passed_on.items() if value},
        "Output": str(
            (folder / extension if extension else folder) / (told.get(f"{_HEADER}filename") or f"{name}.out")
        ),
        "Failure": None if failures is None else str(S3Uri.parse(failures) / f"{name}-error.out"),
        "ReceivedAt": time.time(),
        "TtlSeconds": float(told.get(f"{_HEADER}requestttlseconds", DEFAULT_TTL_SECONDS)),
        "TimeoutSeconds": float(told.get(f"{_HEADER}invocationtimeoutseconds", DEFAULT_TIMEOUT_SECONDS)),
        **inline,
    }
