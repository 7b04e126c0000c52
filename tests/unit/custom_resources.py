"""CloudFormation, as far as a custom resource sees it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class CloudFormation:
    """Whoever waits for the answer of a custom resource."""

    url: str
    answers: list[dict[str, Any]] = field(default_factory=list)

    def event(self, request: str, **properties: str) -> dict[str, Any]:
        return {
            "RequestType": request,
            "ResponseURL": self.url,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Resource",
            "PhysicalResourceId": "resource",
            "ResourceProperties": {"ServiceToken": "a function", **properties},
        }


@contextmanager
def waiting_cloudformation() -> Iterator[CloudFormation]:
    """It gets answers on loopback."""
    answers: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield CloudFormation(f"http://127.0.0.1:{server.server_port}/", answers)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
