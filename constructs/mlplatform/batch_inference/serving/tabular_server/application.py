"""/ping, /execution-parameters and /invocations as a WSGI application around one loaded model."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from batch_jobs.models import Model

from tabular_server.content import ContentError, read, write

MOST_PAYLOAD_MB = 6
_ALL_PAYLOADS_MB = 100  # API reference, CreateTransformJob: MaxConcurrentTransforms * MaxPayloadInMB.

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Application:
    """Answers the requests of a batch transform job. `workers`: how many processes serve beside this one, it included."""

    def __init__(self, model: Model, workers: int) -> None:
        self._model = model
        payload_mb = max(1, min(MOST_PAYLOAD_MB, _ALL_PAYLOADS_MB // workers))
        self._parameters = {
            "MaxConcurrentTransforms": workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": payload_mb,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        status, body, content_type = self._answer(environ)
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, environ: Environ) -> tuple[HTTPStatus, bytes, str]:
        route = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if route == ("GET", "/ping"):
            return HTTPStatus.OK, b"", "text/plain"
        if route == ("GET", "/execution-parameters"):
            return HTTPStatus.OK, json.dumps(self._parameters).encode(), "application/json"
        if route == ("POST", "/invocations"):
            return self._predict(environ)
        return HTTPStatus.NOT_FOUND, f"there is no {route[0]} {route[1]}".encode(), "text/plain"

    def _predict(self, environ: Environ) -> tuple[HTTPStatus, bytes, str]:
        try:
            rows = read(environ["wsgi.input"].read(), environ.get("CONTENT_TYPE") or "text/csv")
            predictions = self._model.predict(rows.features, named=rows.named)
            body, content_type = write(rows, predictions, environ.get("HTTP_ACCEPT") or "text/csv")
        except ContentError as error:
            return HTTPStatus.BAD_REQUEST, str(error).encode(), "text/plain"
        except Exception as error:  # noqa: BLE001 - whatever the model raises is the answer of this request, and in the log
            traceback.print_exc(file=sys.stderr)
            return HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}".encode(), "text/plain"
        return HTTPStatus.OK, body, content_type
