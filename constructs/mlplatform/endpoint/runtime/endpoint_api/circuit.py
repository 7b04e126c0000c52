"""A circuit breaker: after some failures in a row nobody asks for a while; then one request tries (Nygard, Release It!, 2007).

Its memory is that of one instance of the function, so that it needs no store: each instance finds out by itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Circuit:
    """Opens for `open_seconds` after `failures` in a row."""

    failures: int
    open_seconds: float
    now: Callable[[], float] = time.monotonic
    _in_a_row: int = 0
    _opened_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the model is not to be asked now."""
        return self._in_a_row >= self.failures and self.now() < self._opened_at + self.open_seconds

    def succeeded(self) -> None:
        """The model answered."""
        self._in_a_row = 0

    def failed(self) -> None:
        """It did not. One more after the pause opens the circuit again."""
        self._in_a_row += 1
        self._opened_at = self.now()
