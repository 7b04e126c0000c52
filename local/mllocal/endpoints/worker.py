"""A thread that does what it is told, in turn."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

_LOG = logging.getLogger("mllocal.endpoints")
Command = Callable[[], None]


class Worker:
    """Does commands one after the other until it is closed, or one of them says that it `is_over`."""

    def __init__(self, name: str, on_defect: Callable[[str], None]) -> None:
        """`on_defect` is told of an error of the engine itself, which nobody would see otherwise."""
        self.is_over = False
        self.closing = threading.Event()
        self._name = name
        self._on_defect = on_defect
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def do(self, command: Command) -> None:
        """Have it done when those before it are."""
        self._commands.put(command)

    def close(self) -> None:
        """Do no more than what is being done. `closing` tells that to a command that waits."""
        self.closing.set()
        self._commands.put(None)

    def join(self) -> None:
        """Return when it has ended."""
        self._thread.join()

    def _work(self) -> None:
        while not self.is_over and (command := self._commands.get()) is not None and not self.closing.is_set():
            try:
                command()
            except Exception as error:  # noqa: BLE001 - a defect of the engine must be seen at the resource, not leave it waiting
                _LOG.exception("%s failed inside the engine", self._name)
                self._on_defect(f"InternalServerError: {type(error).__name__}: {error}")
