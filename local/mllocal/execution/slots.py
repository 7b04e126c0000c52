"""A bound on what runs at once: who comes first is first served, and who waits costs no thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager


class Slots:
    """So many may run at once. A holder whose work is with someone else for a time gives its slot back and takes its turn again."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: dict[Hashable, Callable[[], object]] = {}  # in the order in which they came
        self._lock = threading.Lock()
        self._is_closed = False

    def ask(self, key: Hashable, go: Callable[[], object]) -> None:
        """Call `go`, which must not block, as soon as there is a slot: now, or in the thread that releases one."""
        with self._lock:
            self._waiting[key] = go
        self._hand_out()

    def withdraw(self, key: Hashable) -> bool:
        """Leave the queue. False for one that does not wait: it has its slot already."""
        with self._lock:
            return self._waiting.pop(key, None) is not None

    def release(self) -> None:
        """End the use of a slot."""
        with self._lock:
            self._free += 1
        self._hand_out()

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Let another have the slot for the time of the block; wait for one at its end."""
        self.release()
        try:
            yield
        finally:
            turn = threading.Event()
            self.ask(turn, turn.set)
            turn.wait()

    def close(self) -> None:
        """Let nobody else in, neither those who wait nor those who come later."""
        with self._lock:
            self._is_closed = True

    def _hand_out(self) -> None:
        while True:
            with self._lock:
                if self._is_closed or not self._free or not self._waiting:
                    return
                self._free -= 1
                go = self._waiting.pop(next(iter(self._waiting)))
            go()
