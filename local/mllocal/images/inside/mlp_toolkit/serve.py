"""`serve`: /ping, /execution-parameters and /invocations, by as many worker processes as AWS's toolkit would start.

The script is imported once and the workers are forked from that, so that start-up costs one import; each loads the model itself,
because a model loaded before a fork may hold threads that the fork does not have.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
import traceback
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

from .dependencies import Installer
from .handlers import Handlers, code_directory, load_script
from .places import ML, ToolkitError

DEFAULT_PORT = 8080
BACKLOG = 128
DERIVED = "MLP_DERIVED_ENVIRONMENT"


def main(words: list[str]) -> int:
    """Answer requests until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--installer", required=True)
    given = parser.parse_args(words)
    _move_to_the_environment_of_the_code(Installer.read(given.installer))
    script = load_script()
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT))
    workers = worker_count()
    with socket.create_server(("127.0.0.1", port), backlog=BACKLOG) as listener:
        if workers == 1:
            return _serve(script, listener, workers)
        return _supervise(script, listener, workers)


def worker_count() -> int:
    """One for each CPU, or SAGEMAKER_MODEL_SERVER_WORKERS."""
    return int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or os.cpu_count() or 1)


def _move_to_the_environment_of_the_code(installer: Installer) -> None:
    """Start again with the Python that has what the model's code/requirements.txt asks for."""
    if DERIVED in os.environ:
        return
    try:
        python = installer.python_for(code_directory())
    except ToolkitError as error:
        raise SystemExit(str(error)) from None
    if python != installer.python:
        os.environ[DERIVED] = python
        os.execv(python, [python, *sys.argv])  # noqa: S606 - the same program, with another Python


def _supervise(script: ModuleType, listener: socket.socket, workers: int) -> int:
    """Wait for the workers. One that ends, as it does when the model cannot be loaded, ends them all: the job must fail, not wait."""
    parent_side, worker_side = os.pipe()
    children = [_fork(script, listener, workers, (worker_side, parent_side)) for _ in range(workers)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        ended, status = os.wait()
        children.remove(ended)
        print(
            f"a worker of the model server ended with {os.waitstatus_to_exitcode(status)}", file=sys.stderr, flush=True
        )
        return 1
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)


def _fork(script: ModuleType, listener: socket.socket, workers: int, pipe: tuple[int, int]) -> int:
    process = os.fork()
    if process != 0:
        return process
    keep_open, watched = pipe
    os.close(keep_open)
    threading.Thread(target=_end_with_parent, args=(watched,), daemon=True).start()
    code = 1
    try:
        code = _serve(script, listener, workers)
    except SystemExit as end:
        print(end.code, file=sys.stderr, flush=True)
    except Exception:  # noqa: BLE001 - whatever loading the model raises is in the log, and ends this worker
        traceback.print_exc()
    finally:
        os._exit(code)
    return code


def _end_with_parent(watched: int) -> None:
    """The pipe's other end is open in the parent only: it reads as ended when the parent is gone, even by `kill -9`."""
    os.read(watched, 1)
    os._exit(1)


def _serve(script: ModuleType, listener: socket.socket, workers: int) -> int:
    _Server(listener, Handlers(script, ML / "model"), workers).serve_forever()
    return 0


class _Server(ThreadingHTTPServer):
    """Requests from a socket that the workers share."""

    def __init__(self, listener: socket.socket, handlers: Handlers, workers: int) -> None:
        address = listener.getsockname()
        super().__init__(address, _RequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = address
        # All workers wait for the same connection; those that come too late must not block in accept.
        listener.setblocking(False)
        self.handlers = handlers
        self.offered = {"MaxConcurrentTransforms": workers, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setblocking(True)
        return connection, address


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        known = {"/ping": {}, "/execution-parameters": self.server.offered}
        found = known.get(self.path)
        status = HTTPStatus.NOT_FOUND if found is None else HTTPStatus.OK
        self._reply(status, json.dumps(found or {}).encode(), "application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content_type = self.headers.get("Content-Type", "text/csv")
        try:
            answer, answered_type = self.server.handlers.answer(
                body, content_type, self.headers.get("Accept", "text/csv")
            )
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises is the answer of this request
            traceback.print_exc()
            self._reply(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}".encode(), "text/plain")
            return
        self._reply(HTTPStatus.OK, answer, answered_type)

    def _reply(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Access lines are left out of the job's log: there is one for each batch."""
