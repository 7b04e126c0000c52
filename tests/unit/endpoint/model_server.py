"""gunicorn and gevent as AWS's scikit-learn image starts them behind nginx, with a model that the test holds and releases.

Source: `start` of sagemaker_containers/_server.py (sagemaker-containers 2.8.6.post2), where the number of workers is that of the
CPUs unless the variable SAGEMAKER_MODEL_SERVER_WORKERS says another. A test stands in nginx's place: it connects without
waiting, and a connection that is refused at once is what nginx answers with 502.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.conftest import REPOSITORY

GUNICORN = REPOSITORY / ".tools" / "model-server" / "bin" / "gunicorn"
PATIENCE_SECONDS = 60
REQUEST = b"POST /invocations HTTP/1.0\r\nConnection: close\r\n\r\n"
"""As nginx speaks to the server behind it unless it is told otherwise."""


class ModelServer:
    """A running server: what the test asks of it, and what it says of itself through pipes."""

    def __init__(self, address: Path, log: Path, gate: BinaryIO, events: BinaryIO) -> None:
        self._address, self._log, self._gate, self._events = str(address), log, gate, events
        self._clients: list[socket.socket] = []

    def send(self, limit: int) -> int:
        """Send requests until one is refused, `limit` at most, and say how many were taken."""
        for taken in range(limit):
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            try:
                client.connect(self._address)
            except BlockingIOError:
                client.close()
                return taken
            client.sendall(REQUEST)
            self._clients.append(client)
        return limit

    def await_events(self, count: int) -> None:
        """Wait until so many more workers are there, or so many more requests have reached the model."""
        poll = select.poll()
        poll.register(self._events, select.POLLIN)
        for _ in range(count):
            if not poll.poll(PATIENCE_SECONDS * 1000) or not self._events.read(1):
                pytest.fail(f"gunicorn said:\n{self._log.read_text()[-3000:]}")

    def hold(self, requests: int) -> None:
        """Send requests, each when the one before has reached the model."""
        for _ in range(requests):
            assert self.send(1) == 1
            self.await_events(1)

    def finish_one(self) -> None:
        """Let the model answer one request, and wait until it has begun with another."""
        self._gate.write(b".")
        self.await_events(1)

    def statuses(self) -> set[str]:
        """Let the model answer all requests, and say what those that were taken got."""
        self._gate.close()  # Where nobody can write any more, nobody waits to read.
        return {_status(client) for client in self._clients}

    def close(self) -> None:
        """Hold nothing any more, neither requests nor files."""
        self._gate.close()
        self._events.close()
        for client in self._clients:
            client.close()


def _status(client: socket.socket) -> str:
    client.settimeout(PATIENCE_SECONDS)
    with client.makefile() as answer:
        return answer.readline().partition(" ")[2].strip()


@contextmanager
def model_server(directory: Path, model: str, workers: int, variables: Mapping[str, str]) -> Iterator[ModelServer]:
    """A server of a model of `held_model.py` whose workers are all there; `variables` are those of the container."""
    if not GUNICORN.exists():
        pytest.fail(f"{GUNICORN.relative_to(REPOSITORY)} is not there; run: make .tools/model-server/.ready")
    address, log = directory / "gunicorn.sock", directory / "gunicorn.log"
    (gate_of_model, gate), (events, events_of_model) = os.pipe(), os.pipe()
    command = [
        *(str(GUNICORN), "--timeout", "60", "-k", "gevent", "--pythonpath", str(Path(__file__).parent)),
        *("-b", f"unix:{address}", "--worker-connections", str(1000 * workers), "-w", str(workers)),
        *("--log-level", "info", f"held_model:{model}"),
    ]
    pipes = {"GATE": str(gate_of_model), "EVENTS": str(events_of_model)}
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), **pipes, **variables}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, pass_fds=(gate_of_model, events_of_model)
        )
    os.close(gate_of_model)
    os.close(events_of_model)
    server = ModelServer(address, log, os.fdopen(gate, "wb", buffering=0), os.fdopen(events, "rb", buffering=0))
    try:
        server.await_events(workers)
        yield server
    finally:
        server.close()
        process.send_signal(signal.SIGINT)  # gunicorn's quick shutdown
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
