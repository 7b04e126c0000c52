"""The function behind the HTTP API, with a SageMaker runtime on loopback that answers over HTTP."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from endpoint_api import handler as api
from endpoint_api.circuit import Circuit
from tests.unit.endpoint.account import ENDPOINT
from tests.unit.servers import free_port

SETTINGS: dict[str, Any] = {
    "endpoint_name": ENDPOINT,
    "components": None,
    "timeout_seconds": 5.0,
    "logged_percent": 0,
    "log_stream": None,
    "fallback": None,
}
FALLBACK = {"body": "[0]", "content_type": "application/json", "failures": 2, "open_seconds": 60.0}


@dataclass
class Runtime:
    """What was asked, and what is answered: a status, a content type and a body."""

    answer: tuple[int, str, bytes] = (200, "text/csv", b"12.5\n")
    delay_seconds: float = 0.0
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    components: list[str | None] = field(default_factory=list)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    runtime = Runtime()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            runtime.asked.append((self.path, self.headers["Content-Type"], body))
            runtime.components.append(self.headers["X-Amzn-SageMaker-Inference-Component"])
            time.sleep(runtime.delay_seconds)
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
    monkeypatch.setenv("API", json.dumps(SETTINGS))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{server.server_port}")
    api._api.cache_clear()
    api._settings.cache_clear()
    try:
        yield runtime
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_request_goes_to_the_model_as_it_is_and_so_does_the_answer(runtime: Runtime) -> None:
    answer = api.handler({"headers": {"content-type": "text/csv"}, "body": "1,2\n"}, None)
    assert runtime.asked == [("/endpoints/demo-live/invocations", "text/csv", b"1,2\n")]
    assert (answer["statusCode"], base64.b64decode(answer["body"])) == (200, b"12.5\n")
    assert answer["headers"] == {
        "content-type": "text/csv",
        "x-amzn-invoked-production-variant": "main",
        "x-mlplatform-fallback": "false",
    }


def test_bytes_stay_bytes(runtime: Runtime) -> None:
    picture = bytes(range(256))
    runtime.answer = (200, "image/png", picture)
    event = {"headers": {}, "body": base64.b64encode(picture).decode(), "isBase64Encoded": True}
    answer = api.handler(event, None)
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
    answer = api.handler({"headers": {}, "body": "1,2,3"}, None)
    assert answer["statusCode"] == expected
    assert json.loads(base64.b64decode(answer["body"]))["message"].endswith("got 3 columns; the model expects 14")
    assert len(runtime.asked) == 1


MODEL_FAILED = json.dumps({"code": "ModelError", "message": "out of memory", "OriginalStatusCode": 500}).encode()
CALLER_FAILED = json.dumps({"code": "ModelError", "message": "got 3 columns", "OriginalStatusCode": 400}).encode()


def with_fallback(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    monkeypatch.setenv("API", json.dumps({**SETTINGS, "fallback": FALLBACK, **settings}))


def ask() -> tuple[int, bytes, str]:
    answer = api.handler({"headers": {}, "body": "1,2"}, None)
    return answer["statusCode"], base64.b64decode(answer["body"]), answer["headers"]["x-mlplatform-fallback"]


def test_while_the_model_fails_callers_get_the_fallback(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    with_fallback(monkeypatch)
    runtime.answer = (424, "application/json", MODEL_FAILED)
    assert ask() == (200, b"[0]", "true")


def test_after_some_failures_in_a_row_nobody_asks(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    with_fallback(monkeypatch)
    runtime.answer = (424, "application/json", MODEL_FAILED)
    assert [ask() for _ in range(5)] == [(200, b"[0]", "true")] * 5
    assert len(runtime.asked) == 2


def test_what_a_caller_did_wrong_is_no_failure_of_the_model(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    with_fallback(monkeypatch)
    runtime.answer = (424, "application/json", CALLER_FAILED)
    assert [ask()[0] for _ in range(3)] == [400] * 3
    assert len(runtime.asked) == 3


def test_a_model_that_is_too_slow_has_failed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    with_fallback(monkeypatch, timeout_seconds=0.2)
    runtime.delay_seconds = 1
    assert ask() == (200, b"[0]", "true")


def test_without_a_fallback_a_slow_model_is_said(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API", json.dumps({**SETTINGS, "timeout_seconds": 0.2}))
    runtime.delay_seconds = 1
    status, body, _ = ask()
    assert status == 504
    assert json.loads(body)["message"].startswith("the model did not answer within 0.2 seconds; send less at once")


THROTTLED = json.dumps({"code": "ThrottlingException", "message": "Rate exceeded"}).encode()


def test_a_model_that_is_throttled_has_failed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a serverless endpoint does with more requests at once than it has containers."""
    with_fallback(monkeypatch)
    runtime.answer = (429, "application/json", THROTTLED)
    assert [ask() for _ in range(5)] == [(200, b"[0]", "true")] * 5
    assert len(runtime.asked) == 2


def test_a_model_that_nobody_listens_for_has_failed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{free_port()}")
    status, body, _ = ask()
    assert (status, b"the model could not be asked: Could not connect" in body) == (502, True)
    api._api.cache_clear()
    api._settings.cache_clear()
    with_fallback(monkeypatch)
    assert ask() == (200, b"[0]", "true")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12.5"])
def test_a_connection_that_is_lost_is_a_failure_of_the_model(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Before the answer, and in the midst of it."""
    with losing_connections(sent) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", address)
        status, body, _ = ask()
        assert (status, b"the model could not be asked" in body) == (502, True)
        api._api.cache_clear()
        api._settings.cache_clear()
        with_fallback(monkeypatch)
        assert ask() == (200, b"[0]", "true")


@contextmanager
def losing_connections(sent: bytes) -> Iterator[str]:
    """A server that takes each request, sends this, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return  # Shut down.
                with connection:
                    connection.recv(65536)
                    connection.sendall(sent)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


COMPONENTS = {"prices": "demo-live-prices", "stocks": "demo-live-stocks"}
AT_ZERO = json.dumps(
    {"code": "ValidationError", "message": "Inference Component has no capacity to process this request."}
)


def ask_component(name: str) -> dict[str, Any]:
    return api.handler({"headers": {}, "body": "1,2", "pathParameters": {"component": name}}, None)


def test_the_path_says_which_component_is_asked(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API", json.dumps({**SETTINGS, "components": COMPONENTS}))
    assert [ask_component(name)["statusCode"] for name in COMPONENTS] == [200, 200]
    assert runtime.components == ["demo-live-prices", "demo-live-stocks"]
    unknown = ask_component("wares")
    assert unknown["statusCode"] == 404
    assert b"there is no component 'wares'; use one of prices, stocks" in base64.b64decode(unknown["body"])


def test_a_component_without_a_copy_is_not_the_callers_fault(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API", json.dumps({**SETTINGS, "components": COMPONENTS}))
    runtime.answer = (400, "application/json", AT_ZERO.encode())
    assert ask_component("prices")["statusCode"] == 503


def test_one_component_that_fails_opens_no_circuit_of_another(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_fallback(monkeypatch, components=COMPONENTS)
    runtime.answer = (400, "application/json", AT_ZERO.encode())
    told = [ask_component("prices") for _ in range(5)]
    assert [base64.b64decode(it["body"]) for it in told] == [b"[0]"] * 5
    assert len(runtime.asked) == 2
    runtime.answer = (200, "text/csv", b"12.5")
    assert base64.b64decode(ask_component("stocks")["body"]) == b"12.5"


def test_a_circuit_opens_lets_one_try_and_closes_when_that_succeeds() -> None:
    clock = [0.0]
    circuit = Circuit(failures=2, open_seconds=30, now=lambda: clock[0])
    circuit.failed()
    assert not circuit.is_open
    circuit.failed()
    assert circuit.is_open
    clock[0] = 31
    assert not circuit.is_open
    circuit.failed()
    assert circuit.is_open
    clock[0] = 62
    circuit.succeeded()
    circuit.failed()
    assert not circuit.is_open
