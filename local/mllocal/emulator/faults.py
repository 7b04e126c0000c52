"""Faults of AWS itself, on request: throttled APIs, functions killed in the middle, events doubled, delayed, out of order.

`/_mlp/faults` holds them as one JSON document: PUT replaces it, GET shows what is left of it, DELETE ends it.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

PATH = "/_mlp/faults"


@dataclass
class Throttle:
    """Calls of an operation, named as IAM names it (`s3:PutObject`; `*` is any), answer that they come too often."""

    operation: str
    next: int = 0
    """As many of the next calls."""
    rate: float = 0.0
    """Besides, this share of them, at random."""


@dataclass
class Kill:
    """The process of the `next` invocations of a function is killed after that time, if it still runs."""

    function: str
    next: int
    after_milliseconds: int = 0


@dataclass
class Events:
    """What happens to each delivery of an event by a rule of EventBridge. Delays differ, so that order is lost."""

    doubled_rate: float = 0.0
    delayed_rate: float = 0.0
    max_delay_milliseconds: int = 1_000


@dataclass
class Faults:
    """What is to go wrong. One per engine; safe to use from several threads."""

    throttle: list[Throttle] = field(default_factory=list)
    kill: list[Kill] = field(default_factory=list)
    events: Events = field(default_factory=Events)
    seed: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(self.seed)  # noqa: S311 it decides what fails in a test

    def to_json(self) -> dict[str, Any]:
        """What is left of it."""
        with self._lock:
            return asdict(self)

    def replace(self, document: Mapping[str, Any]) -> None:
        """Forget what was asked for, and do this. Raises ValueError with everything that is wrong in the document."""
        new = _read(document)
        with self._lock:
            self.throttle, self.kill, self.events, self.seed = new.throttle, new.kill, new.events, new.seed
            self._random.seed(new.seed)

    @property
    def may_throttle(self) -> bool:
        """Whether requests have to be looked at."""
        return bool(self.throttle)

    def throttles(self, operation: str) -> bool:
        """Whether this call is refused."""
        with self._lock:
            for throttle in self.throttle:
                if throttle.operation not in ("*", operation):
                    continue
                if throttle.next > 0:
                    throttle.next -= 1
                    return True
                if self._random.random() < throttle.rate:
                    return True
        return False

    def kill_after_seconds(self, function: str) -> float | None:
        """After how long this invocation is killed; None if it is not."""
        with self._lock:
            for kill in self.kill:
                if kill.function == function and kill.next > 0:
                    kill.next -= 1
                    return kill.after_milliseconds / 1_000
        return None

    def delays_seconds(self) -> list[float]:
        """When each copy of a delivery arrives: one number for one copy, 0 for at once."""
        with self._lock:
            copies = 2 if self._random.random() < self.events.doubled_rate else 1
            longest = self.events.max_delay_milliseconds / 1_000
            late = [self._random.random() < self.events.delayed_rate for _ in range(copies)]
            return [self._random.uniform(0, longest) if is_late else 0.0 for is_late in late]


def _read(document: Mapping[str, Any]) -> Faults:
    problems: list[str] = []
    unknown = document.keys() - {"throttle", "kill", "events", "seed"}
    if unknown:
        problems.append(f"faults have {', '.join(sorted(unknown))}; use throttle, kill, events, seed")
    found = Faults(seed=document.get("seed", 0))
    try:
        found.throttle = [Throttle(**entry) for entry in document.get("throttle", ())]
        found.kill = [Kill(**entry) for entry in document.get("kill", ())]
        found.events = Events(**document.get("events", {}))
    except TypeError as error:
        problems.append(f"faults have a wrong member: {error}")
    if problems:
        raise ValueError("; ".join(problems))
    return found


def parse(body: bytes) -> dict[str, Any]:
    """The document of a PUT. Raises ValueError if it is no JSON object."""
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"faults are a JSON object; got {type(document).__name__}")
    return document
