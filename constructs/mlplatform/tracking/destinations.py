"""Who takes what is known of a run: the experiment store, later if it cannot be reached now; or `mlp reproduce`, which compares."""

from __future__ import annotations

import json
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from mlplatform.tracking.target import OfflineError, Target
from mlrecords.canonical import canonical, digest
from mlrecords.codec import from_json, to_json
from mlrecords.observations import Observation
from mlrecords.sending import RefusedError, parts_of
from mlrecords.store import RecordStore

REPRODUCING = "MLP_REPRODUCING"
"""The directory in which `mlp reproduce` waits for `result.json`; nothing is sent then."""
PAUSE_SECONDS = 30
"""While the store cannot be reached, a run tries again no sooner: each try takes seconds, and the work waits for it."""


class Destination(Protocol):
    """Takes blobs and observations."""

    def keep(self, content: bytes) -> str:
        """Keep content; its digest."""

    def send(self, observation: Observation) -> None:
        """Take an observation."""


@dataclass
class Outbox:
    """The experiment store of a target. What it takes is on disk until it was sent, so that neither a crash nor a lost network loses it.

    What could not be sent waits in the home directory for the next run that reaches the same target. A warning says so, once.
    """

    target: Target
    directory: Path
    _has_warned: bool = field(default=False, repr=False)
    _offline: OfflineError | None = field(default=None, repr=False)
    _next_try: float = field(default=0.0, repr=False)

    @classmethod
    def of(cls, target: Target) -> Outbox:
        """The outbox of whoever runs this."""
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        return cls(target, state / "mlplatform" / "outbox" / target.key)

    @property
    def store(self) -> RecordStore:
        """The run records. Raises what `Target.store` raises; for a while after it could not be reached, without another try."""
        if self._offline is not None and time.monotonic() < self._next_try:
            raise self._offline
        try:
            return self.target.store
        except OfflineError as error:
            self._offline, self._next_try = error, time.monotonic() + PAUSE_SECONDS
            raise

    def keep(self, content: bytes) -> str:
        name = digest(content)
        _write(self.directory / "blobs" / name.removeprefix("sha256:"), content)
        return name

    def send(self, observation: Observation) -> None:
        for part in parts_of(observation):
            name = f"{part.order}-{part.digest.removeprefix('sha256:')}.json"
            _write(self.directory / "observations" / name, canonical(to_json(part)))
        self.deliver()

    def deliver(self) -> None:
        """Send everything that waits, blobs first: a record names none that is not there."""
        try:
            store = self.store
            for blob, content in _waiting(self.directory / "blobs"):
                store.keep(content)
                blob.unlink(missing_ok=True)
            for file, content in _waiting(self.directory / "observations"):
                self.target.send(from_json(Observation, json.loads(content), file.name))
                file.unlink(missing_ok=True)
        except (OfflineError, BotoCoreError, ClientError, RefusedError) as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        warnings.warn(
            f"the run goes on and its record waits in {self.directory}, since {error}; the next tracked run that reaches "
            "the store sends it",
            stacklevel=2,
        )


@dataclass(frozen=True)
class Reproduction:
    """A run that `mlp reproduce` repeats: it gets its inputs from there, and leaves what came out; nothing is sent."""

    directory: Path

    def keep(self, content: bytes) -> str:
        return digest(content)

    def send(self, observation: Observation) -> None:
        """Nothing: the run that is repeated has a record."""

    def input(self, name: str) -> Path | None:
        """Where the content is that the input had; None if it is where it was."""
        file = self.directory / "inputs.json"
        found = json.loads(file.read_text()).get(name) if file.exists() else None
        return None if found is None else Path(found)

    def write_result(self, metrics: Mapping[str, float], outputs: Mapping[str, str | None]) -> None:
        """Leave `result.json`: metrics by name, and SHA-256 (or version, of a directory) by output."""
        _write(self.directory / "result.json", canonical({"metrics": dict(metrics), "outputs": dict(outputs)}))


def _waiting(directory: Path) -> Iterator[tuple[Path, bytes]]:
    """Files in the order of their names, without those that are being written, or that another process sent meanwhile."""
    for file in sorted(file for file in directory.glob("*") if not file.name.startswith(".")):
        with suppress(FileNotFoundError):
            yield file, file.read_bytes()


def _write(path: Path, content: bytes) -> None:
    """The file is there as a whole or not at all, and for nobody else: a crash leaves no half."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    Path(temporary).replace(path)
