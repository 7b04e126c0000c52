"""Job output to CloudWatch Logs, in SageMaker's groups and stream names."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import IO, Any

FLUSH_SECONDS = 0.5
MAX_BATCH_EVENTS = 1000
MAX_EVENT_CHARACTERS = 250_000


class JobLog:
    """Reads a process's output to its end and puts each line into a log stream, in batches, while it runs.

    `on_line` is called with every line; training reads its metrics there.
    """

    def __init__(self, client: Any, group: str, stream: str, on_line: Callable[[str], None] | None = None) -> None:
        self._client = client
        self._on_line = on_line
        self._where = {"logGroupName": group, "logStreamName": stream}
        self._pending: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._done = threading.Event()
        self.last_lines: list[str] = []
        self._create_stream()
        self._flusher = threading.Thread(target=self._flush_regularly, daemon=True)
        self._flusher.start()

    def _create_stream(self) -> None:
        # The stream is this job's alone: when it is there, the client had to ask twice, because the first answer was lost.
        exceptions = self._client.exceptions
        with contextlib.suppress(exceptions.ResourceAlreadyExistsException):
            try:
                self._client.create_log_stream(**self._where)
            except exceptions.ResourceNotFoundException:
                with contextlib.suppress(exceptions.ResourceAlreadyExistsException):
                    self._client.create_log_group(logGroupName=self._where["logGroupName"])
                self._client.create_log_stream(**self._where)

    def follow(self, stream: IO[str]) -> None:
        """Take lines until the stream ends."""
        for line in stream:
            self.add(line.rstrip("\n"))

    def add(self, line: str) -> None:
        """Take one line of the container. Empty lines are kept out: CloudWatch Logs refuses them."""
        if not line:
            return
        self.note(line)
        self.last_lines = [*self.last_lines[-19:], line]
        if self._on_line is not None:
            self._on_line(line)

    def note(self, line: str) -> None:
        """Take one line of the engine's own: it is in the log, but no metric and no reason of a failure."""
        with self._lock:
            self._pending.append({"timestamp": int(time.time() * 1000), "message": line[:MAX_EVENT_CHARACTERS]})

    def close(self) -> None:
        """Send what is left."""
        self._done.set()
        self._flusher.join()
        self._flush()

    def _flush_regularly(self) -> None:
        while not self._done.wait(FLUSH_SECONDS):
            self._flush()

    def _flush(self) -> None:
        while True:
            with self._lock:
                batch, self._pending = self._pending[:MAX_BATCH_EVENTS], self._pending[MAX_BATCH_EVENTS:]
            if not batch:
                return
            self._client.put_log_events(**self._where, logEvents=batch)
