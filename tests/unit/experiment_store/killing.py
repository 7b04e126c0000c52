"""Ends a function in the middle of one of its calls, as a killed process would: before the call goes out, or after it was carried out.

What it raises is no `Exception`, so that nothing on the way can take it for an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Killed(BaseException):
    """The function's process is gone."""


@dataclass
class Fuse:
    """Burns with each call. `calls` is how many are left until the end; None for never. `lost_answer`: that call is carried out."""

    calls: int | None = None
    lost_answer: bool = False
    burned: int = 0

    def light(self, calls: int, *, lost_answer: bool) -> None:
        self.calls, self.lost_answer, self.burned = calls, lost_answer, 0

    def before(self, **about: Any) -> None:
        """A call is about to go out."""
        self.burned += 1
        if self.calls is not None and self.burned > self.calls and not self.lost_answer:
            self._end()

    def after(self, **about: Any) -> None:
        """A call was answered."""
        if self.calls is not None and self.burned > self.calls:
            self._end()

    def _end(self) -> None:
        self.calls = None
        raise Killed

    def attach(self, client: Any) -> Any:
        """Let each call of a client of boto3 burn it."""
        client.meta.events.register_first("before-send.*", self.before)
        client.meta.events.register("response-received.*", self.after)
        return client


@dataclass
class BurningHttp:
    """A pool of urllib3 whose requests burn the fuse."""

    pool: Any
    fuse: Fuse

    def request(self, *arguments: Any, **options: Any) -> Any:
        self.fuse.before()
        answer = self.pool.request(*arguments, **options)
        self.fuse.after()
        return answer
