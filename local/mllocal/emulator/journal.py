"""Changes since a service's state was last written, one line for each, in the order in which they were acknowledged.

ministack writes the whole state of a service, which for CloudWatch Logs holds every line of every job there ever was: too much to
write for each new line. A request that only adds to it is appended here, and carried out again by an engine that finds the state
as it was then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class HttpRequest:
    """A request as it came."""

    method: str
    path: str
    query_string: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def to_line(self) -> str:
        """One line of JSON. Bytes are written as Latin-1, which has a character for each."""
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers]
        texts = (self.query_string.decode("latin-1"), headers, self.body.decode("latin-1"))
        return json.dumps([self.method, self.path, *texts]) + "\n"

    @classmethod
    def from_line(cls, line: str | bytes) -> HttpRequest:
        """What `to_line` wrote."""
        method, path, query, headers, body = json.loads(line)
        pairs = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
        return cls(method, path, query.encode("latin-1"), pairs, body.encode("latin-1"))


@dataclass(frozen=True)
class Journal:
    """The changes to the state in the file `state`. Its first line says to which state they belong."""

    path: Path
    state: Path

    def append(self, request: HttpRequest) -> None:
        """Keep a change. Changes to a state that has been written since are in that state, and dropped."""
        header = self._header()
        is_current = self._is_current(header)
        with self.path.open("a" if is_current else "w") as file:
            file.write(request.to_line() if is_current else header + request.to_line())

    def requests(self) -> Iterator[HttpRequest]:
        """The changes that the state does not have. A last line without its end was never acknowledged, and is cut off."""
        if not self._is_current(self._header()):
            return
        with self.path.open("r+b") as file:
            next(file)
            for line in file:
                if not line.endswith(b"\n"):
                    file.seek(-len(line), os.SEEK_END)
                    file.truncate()
                    return
                yield HttpRequest.from_line(line)

    def _is_current(self, header: str) -> bool:
        if not self.path.exists():
            return False
        with self.path.open() as file:
            return file.readline() == header

    def _header(self) -> str:
        """What tells a state from the one written before and after it."""
        if not self.state.exists():
            return "before any state\n"
        status = self.state.stat()
        return f"{status.st_mtime_ns} {status.st_size}\n"
