"""What a load test says of an instance, as far as policies need it. Standard library only. docs/load-tests.md has the whole file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


class InvalidLoadTestError(ValueError):
    """A file that is no load test, or one that has found no knee; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class LoadTest:
    """The knee of one instance, copy or container: what it serves at the latency objective, and how many requests it has in flight then."""

    requests_per_second: float
    concurrency: float = 1.0
    unit: str = "instance"

    @classmethod
    def given(cls, path: Path | None, requests_per_second: float | None, *, is_serverless: bool = False) -> LoadTest:
        """What was measured, or what somebody says: of a serverless endpoint, what a container answers one after the other.

        Raises as `read` does, unless there is one of them, and for a test of another kind of endpoint.
        """
        if path is not None and requests_per_second is None:
            return cls.read(path)._of(path, is_serverless)
        if path is None and requests_per_second is not None:
            return cls(requests_per_second=requests_per_second)
        raise InvalidLoadTestError(
            "what one instance serves has to be said once; give the file of a load test, or its requests per second"
        )

    @classmethod
    def read(cls, path: Path) -> LoadTest:
        """A file that `mlp loadtest --out` has written. Raises `InvalidLoadTestError`; `OSError` without a file."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InvalidLoadTestError(f"{path} is no JSON: {error}; {_FIX}") from error
        problems = list(_problems(document))
        if problems:
            raise InvalidLoadTestError(f"{path}: {'; '.join(problems)}; {_FIX}")
        return cls(
            requests_per_second=float(document["requests_per_second"]),
            concurrency=float(document["concurrency"]),
            unit=document.get("unit", "instance"),
        )

    def _of(self, path: Path, is_serverless: bool) -> LoadTest:
        """A container at the knee is idle for a part of the time, so that others are not throttled; Little's law says for how much."""
        if (self.unit == _CONTAINER) != is_serverless:
            kinds = {
                True: f"of {_UNITS[self.unit]}, and this is a serverless endpoint",
                False: "of a serverless endpoint, and this is not one",
            }
            raise InvalidLoadTestError(f"{path} is {kinds[is_serverless]}; test an endpoint of the same kind")
        if not is_serverless:
            return self
        return replace(self, requests_per_second=self.requests_per_second / self.concurrency, concurrency=1.0)


_CONTAINER = "container"
_UNITS = {"instance": "an instance", "copy": "a copy", _CONTAINER: "a container"}
_FIX = "give a file that `mlp loadtest --out` has written"


def _problems(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "it is no object"
        return
    for name in ("requests_per_second", "concurrency"):
        value = document.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
            yield f"{name} is {value!r}, and no number above 0"
    if document.get("unit", "instance") not in list(_UNITS):
        yield f"unit is {document['unit']!r}, and not one of {', '.join(_UNITS)}"
    if document.get("confirmed") is not True:
        yield "no knee was confirmed"
