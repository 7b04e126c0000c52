"""The place of the state of runs."""

from dataclasses import dataclass
from datetime import UTC, datetime

from attempts.documents import DocumentStore
from runs.state import State, decode, encode


@dataclass(frozen=True)
class Store(DocumentStore[State]):
    """The state of one pipeline's runs."""

    def empty(self) -> State:
        """What is known before the first run."""
        return State(created_at=datetime.now(UTC))

    def encode(self, state: State) -> bytes:
        """The document's text."""
        return encode(state)

    def decode(self, text: bytes) -> State:
        """The state that a document's text holds. Raises InvalidDocumentError, with all problems, when it holds none."""
        return decode(text, self.uri)
