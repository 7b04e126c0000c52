"""An endpoint whose knee can be computed: requests wait in one line for workers that take a fixed time each."""

from __future__ import annotations

import heapq
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mlp.loadtest.steps import Answer, Goal, Step


@dataclass
class Endpoint:
    """A real HTTP server with what `mlp loadtest` asks SageMaker for. `fails` and `pauses` say what becomes of a request by its number."""

    service_seconds: float
    workers: int = 1
    instances: Callable[[int], int] = lambda described: 1
    fails: Callable[[int], bool] = lambda number: False
    pauses: Callable[[int], float] = lambda number: 0.0
    status: str = "InService"
    asked: list[bytes] = field(default_factory=list)
    url: str = ""
    described: int = 0

    def __post_init__(self) -> None:
        self._free, self._lock = threading.Semaphore(self.workers), threading.Lock()

    def invoke(self, body: bytes) -> int:
        """The HTTP status."""
        with self._lock:
            number = len(self.asked)
            self.asked.append(body)
        with self._free:
            time.sleep(self.service_seconds + self.pauses(number))
        return 500 if self.fails(number) else 200

    def describe(self, operation: str) -> Mapping[str, Any]:
        if operation.endswith("DescribeEndpointConfig"):
            return {"ProductionVariants": [{"VariantName": "AllTraffic", "InstanceType": "ml.m5.large"}]}
        self.described += 1
        count = self.instances(self.described)
        return {
            "EndpointName": "quotes",
            "EndpointConfigName": "quotes-1",
            "EndpointStatus": self.status,
            "ProductionVariants": [{"VariantName": "AllTraffic", "CurrentInstanceCount": count}],
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


@contextmanager
def served(endpoint: Endpoint) -> Iterator[Endpoint]:
    """Until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/endpoints/quotes/invocations":
                status = endpoint.invoke(body)
                self._answer(status, b"[1.5]" if status == 200 else b'{"message": "out of memory"}')
            else:
                self._answer(200, json.dumps(endpoint.describe(self.headers["X-Amz-Target"])).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def computed_step(
    goal: Goal,
    rate: float,
    seconds: float,
    *,
    service_seconds: float,
    workers: int,
    seed: int,
    confirming: bool = False,
) -> Step:
    """What such an endpoint does in simulated time: M/D/c."""
    draw = random.Random(seed)
    free = [0.0] * workers
    answers, due = [], draw.expovariate(rate)
    while due < seconds:
        done = max(due, heapq.heappop(free)) + service_seconds
        heapq.heappush(free, done)
        answers.append(Answer(due_seconds=due, late_seconds=0, latency_seconds=done - due))
        due += draw.expovariate(rate)
    return Step.of(answers, goal, requests_per_second=rate, seconds=seconds, cut_short=False, confirming=confirming)
