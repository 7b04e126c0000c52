"""What a pipeline remembers: one document in S3, changed by compare-and-swap.

Each change reads the object, computes the next state and writes it on the condition that nobody else wrote in between;
otherwise it computes again from what the other wrote. A function may therefore be called more than once, and once more
after a write whose answer was lost: it must be idempotent. The bucket's versions are the history of all decisions.
"""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from botocore.exceptions import ClientError

from attempts.objects import find, split_uri

S = TypeVar("S")
T = TypeVar("T")

ATTEMPTS = 30
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 2.0
_LOST = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")


class ContendedStateError(Exception):
    """Others changed the state each time that this change was to be written."""


@dataclass(frozen=True)
class DocumentStore(ABC, Generic[S]):
    """The state at an S3 URI. Before the first change it is empty."""

    s3: Any
    uri: str

    @abstractmethod
    def empty(self) -> S:
        """The state before the first change."""

    @abstractmethod
    def encode(self, state: S) -> bytes:
        """The document's text."""

    @abstractmethod
    def decode(self, text: bytes) -> S:
        """The state that a text holds. Raises InvalidDocumentError when it holds none."""

    def read(self) -> S:
        """The present state."""
        return self._read()[0]

    def update(self, change: Callable[[S], S]) -> S:
        """Replace the state by what `change` makes of it; nothing is written when that is the same. The new state."""
        return self.transact(lambda state: ((new := change(state)), new))

    def transact(self, change: Callable[[S], tuple[S, T]]) -> T:
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
            "what it was for is tried again with the next event"
        )

    def _read(self) -> tuple[S, dict[str, str]]:
        """The state, and the condition under which it may be replaced."""
        found = find(self.s3, self.uri)
        if found is None:
            return self.empty(), {"IfNoneMatch": "*"}
        return self.decode(found.body), {"IfMatch": found.etag}

    def _write(self, state: S, condition: dict[str, str]) -> bool:
        """Whether the state was kept: not if another was written since the condition was read."""
        bucket, key = split_uri(self.uri)
        try:
            self.s3.put_object(
                Bucket=bucket, Key=key, Body=self.encode(state), ContentType="application/json", **condition
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _LOST:
                raise
            return False
        return True
