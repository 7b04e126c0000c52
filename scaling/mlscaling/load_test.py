"""What a load test says of an instance, as far as policies need it. Standard library only. docs/load-tests.md has the whole file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class InvalidLoadTestError(ValueError):
    """A file that is no load test, or one that has found no knee; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class LoadTest:
    """The knee of one instance: what it serves at the latency objective, and how many requests it has in flight then."""

    requests_per_second: float
    concurrency: float = 1.0

    @classmethod
    def given(cls, path: Path | None, requests_per_second: float | None) -> LoadTest:
        """What was measured, or what somebody says. Raises as `read` does, and unless there is one of them."""
        if path is not None and requests_per_second is None:
            return cls.read(path)
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
            requests_per_second=float(document["requests_per_second"]), concurrency=float(document["concurrency"])
        )


_FIX = "give a file that `mlp loadtest --out` has written"


def _problems(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "it is no object"
        return
    for name in ("requests_per_second", "concurrency"):
        value = document.get(name)
        if not isinstance(value, int | float) or not (value > 0 and math.isfinite(value)):
            yield f"{name} is {value}, and not more than 0"
    if document.get("confirmed") is not True:
        yield "no knee was confirmed"
