"""The function behind the HTTP API, with a SageMaker runtime on loopback that answers over HTTP."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import invoke_endpoint
import pytest


@dataclass
class Runtime:
    """What was asked, and what is answered: a status, a content type and a body."""

    answer: tuple[int, str, bytes] = (200, "text/csv", b"12.5\n")
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    runtime = Runtime()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            runtime.asked.append((self.path, self.headers["Content-Type"], body))
            status, content_type, answer = runtime.answer
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("x-Amzn-Invoked-Production-Variant", "main")
            if status != 200:
                self.send_header("x-amzn-ErrorType", json.loads(answer)["code"])
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("ENDPOINT_NAME", "demo-live")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{server.server_port}")
    invoke_endpoint._client.cache_clear()
    try:
        yield runtime
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_request_goes_to_the_model_as_it_is_and_so_does_the_answer(runtime: Runtime) -> None:
    answer = invoke_endpoint.handler({"headers": {"content-type": "text/csv"}, "body": "1,2\n"}, None)
    assert runtime.asked == [("/endpoints/demo-live/invocations", "text/csv", b"1,2\n")]
    assert (answer["statusCode"], base64.b64decode(answer["body"])) == (200, b"12.5\n")
    assert answer["headers"] == {"content-type": "text/csv", "x-amzn-invoked-production-variant": "main"}


def test_bytes_stay_bytes(runtime: Runtime) -> None:
    picture = bytes(range(256))
    runtime.answer = (200, "image/png", picture)
    event = {"headers": {}, "body": base64.b64encode(picture).decode(), "isBase64Encoded": True}
    answer = invoke_endpoint.handler(event, None)
    assert runtime.asked[0][1:] == ("application/octet-stream", picture)
    assert base64.b64decode(answer["body"]) == picture


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (424, "ModelError", 502),
        (429, "ModelNotReadyException", 503),
        (429, "ThrottlingException", 429),
        (400, "ValidationError", 400),
        (403, "AccessDeniedException", 502),
    ],
)
def test_what_went_wrong_is_said_with_a_status_that_a_caller_knows(
    runtime: Runtime, status: int, code: str, expected: int
) -> None:
    body = json.dumps({"code": code, "message": "got 3 columns; the model expects 14"}).encode()
    runtime.answer = (status, "application/json", body)
    answer = invoke_endpoint.handler({"headers": {}, "body": "1,2,3"}, None)
    assert answer["statusCode"] == expected
    assert json.loads(answer["body"])["message"].endswith("got 3 columns; the model expects 14")
    assert len(runtime.asked) == 1
