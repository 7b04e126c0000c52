"""The state's place: one object in S3, changed by compare-and-swap.

Each change reads the object, computes the next state and writes it on the condition that nobody else wrote in between;
otherwise it computes again from what the other wrote. A function may therefore be called more than once, and once more
after a write whose answer was lost: it must be idempotent. The bucket's versions are the history of all decisions.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from runs.objects import find, split_uri
from runs.state import State, decode, encode

T = TypeVar("T")

ATTEMPTS = 30
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 2.0
_LOST = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")


class ContendedStateError(Exception):
    """Others changed the state each time that this change was to be written."""


@dataclass(frozen=True)
class Store:
    """The state at an S3 URI. Before the first change it is empty."""

    s3: Any
    uri: str

    def read(self) -> State:
        """The present state."""
        return self._read()[0]

    def update(self, change: Callable[[State], State]) -> State:
        """Replace the state by what `change` makes of it; nothing is written when that is the same. The new state."""
        return self.transact(lambda state: ((new := change(state)), new))

    def transact(self, change: Callable[[State], tuple[State, T]]) -> T:
        """As `update`, for a change that also has an answer: that of the call whose state was kept.

        Raises ContendedStateError after so many lost races that something else must be wrong, and whatever `change` raises.
        """
        for attempt in range(ATTEMPTS):
            state, condition = self._read()
            new, answer = change(state)
            if self._write(new, condition) if new != state or "IfNoneMatch" in condition else True:
                return answer
            longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt)
            time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads competitors, guards nothing
        raise ContendedStateError(
            f"{self.uri} was changed by others {ATTEMPTS} times in a row, so this change was given up; "
            "what it was for is tried again with the next event, within five minutes"
        )

    def _read(self) -> tuple[State, dict[str, str]]:
        """The state, and the condition under which it may be replaced."""
        found = find(self.s3, self.uri)
        if found is None:
            return State(created_at=datetime.now(UTC)), {"IfNoneMatch": "*"}
        return decode(found.body, self.uri), {"IfMatch": found.etag}

    def _write(self, state: State, condition: dict[str, str]) -> bool:
        """Whether the state was kept: not if another was written since the condition was read."""
        bucket, key = split_uri(self.uri)
        try:
            self.s3.put_object(Bucket=bucket, Key=key, Body=encode(state), ContentType="application/json", **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _LOST:
                raise
            return False
        return True
