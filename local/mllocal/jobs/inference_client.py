"""The service's side of the serving contract: /ping, /execution-parameters and /invocations on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any

import urllib3

from mllocal.jobs.process import ContainerProcess

READY_SECONDS = 120
POLL_SECONDS = 0.05
# SageMaker's defaults of ModelClientConfig.
INVOCATION_SECONDS = 600
MAX_RETRIES = 3
RETRY_SECONDS = 0.1
CONNECTIONS = 32


class InvocationError(Exception):
    """A container that does not serve, or an invocation it refused."""


class ContainerTroubleError(InvocationError):
    """A failure that may pass: no answer in time, a broken connection, or an error of the container's own."""


class InferenceClient:
    """A connection pool to one serving container."""

    def __init__(self, port: int, settings: Mapping[str, int]) -> None:
        self._timeout_seconds = settings.get("InvocationsTimeoutInSeconds", INVOCATION_SECONDS)
        self._max_retries = settings.get("InvocationsMaxRetries", MAX_RETRIES)
        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=CONNECTIONS, retries=False)

    def __enter__(self) -> InferenceClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def wait_until_ready(self, process: ContainerProcess, seconds: float = READY_SECONDS) -> None:
        """Return when /ping answers 200. Raises `InvocationError` when the container ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not process.is_running():
                raise InvocationError("the model container ended before it answered /ping; see the job's log")
            try:
                if self._pool.request("GET", "/ping", timeout=2).status == HTTPStatus.OK:
                    return
            except urllib3.exceptions.HTTPError:
                pass  # not listening yet: the loop asks again until its deadline
            time.sleep(POLL_SECONDS)
        raise InvocationError(f"the model container did not answer /ping within {seconds:g} seconds")

    def execution_parameters(self) -> dict[str, Any]:
        """What the container says of itself; empty when it has no such route."""
        response = self._pool.request("GET", "/execution-parameters", timeout=INVOCATION_SECONDS)
        return json.loads(response.data) if response.status == HTTPStatus.OK else {}

    def invoke(self, body: bytes, content_type: str, accept: str) -> bytes:
        """One request, sent again while the container is in trouble. Raises `InvocationError` with what it answered last."""
        for retry in range(self._max_retries):
            try:
                return self._invoke_once(body, content_type, accept)
            except ContainerTroubleError:
                time.sleep(RETRY_SECONDS * 2**retry)
        return self._invoke_once(body, content_type, accept)

    def _invoke_once(self, body: bytes, content_type: str, accept: str) -> bytes:
        headers = {"Content-Type": content_type, "Accept": accept}
        try:
            response = self._pool.request(
                "POST", "/invocations", body=body, headers=headers, timeout=self._timeout_seconds
            )
        except urllib3.exceptions.TimeoutError:
            raise ContainerTroubleError(
                f"the model container did not answer within InvocationsTimeoutInSeconds of {self._timeout_seconds}"
            ) from None
        except urllib3.exceptions.HTTPError as error:
            raise ContainerTroubleError(f"the model container closed the connection: {error}") from None
        if response.status == HTTPStatus.OK:
            return response.data
        answer = response.data[:500].decode(errors="replace")
        problem = f"the model container answered {response.status} to /invocations: {answer}"
        is_trouble = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        raise ContainerTroubleError(problem) if is_trouble else InvocationError(problem)
