"""An archive into a store: contents as blobs, observations by way of the capture, which alone writes records."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlp.errors import CliError, ExitCode, bad_input
from mlp.runs.archive.checking import Checked
from mlp.runs.archive.layout import BLOBS, ENVIRONMENTS
from mlp.runs.notes import PATIENCE_SECONDS
from mlrecords.sending import RefusedError, TooLargeError, imports_of, send_import
from mlrecords.store import RecordStore, RunNotFoundError, StoredRun

_POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A run that the store has now. `is_same`: its record has the digest that it has in the archive.

    It has not if this store knew more of the run than the archive does, such as a note that somebody made here.
    """

    run_id: str
    record_digest: str
    is_same: bool


def take_in(
    checked: Checked,
    store: RecordStore,
    events: Any,
    *,
    say: Callable[[str], None],
    patience_seconds: float = PATIENCE_SECONDS,
) -> list[Imported]:
    """Send all that an archive holds, and wait until the store shows it.

    Everything is idempotent: what was cut short is done by doing it again. `events` is a client of EventBridge. Raises `CliError`
    before anything is sent if an observation is too large for an event, and when the capture does not take them.
    """
    try:
        details = [detail for run in checked.runs for detail in imports_of(run.observations)]
    except TooLargeError as error:
        raise bad_input(
            [str(error)], fix="nothing was imported; import the archive's other runs by exporting them alone"
        ) from error
    for _, content in checked.contents(BLOBS):
        store.keep(content)
    for name, content in checked.contents(ENVIRONMENTS):
        store.keep_environment(name, json.loads(content))
    say(f"kept {len(checked.blobs)} contents; sending {len(checked.runs)} runs")
    try:
        for detail in details:
            send_import(events, detail)
    except RefusedError as error:
        fix = "nothing is lost: import the same archive again"
        raise CliError(str(error), fix=fix, exit_code=ExitCode.NOT_FOUND) from error
    return _wait(checked.runs, store, patience_seconds)


def _wait(runs: Sequence[StoredRun], store: RecordStore, patience_seconds: float) -> list[Imported]:
    """Until the store has all observations of each run; patience begins anew with each run that it has."""
    done = []
    for run in runs:
        deadline = time.monotonic() + patience_seconds
        while (found := _found(run, store)) is None:
            if time.monotonic() > deadline:
                cause = f"{len(runs)} runs were sent, and the store does not show run {run.run_id} after {patience_seconds:.0f} seconds"
                fix = "import the same archive again later; if it stays so, ask the platform team for the capture's dead letters"
                raise CliError(cause, fix=fix, exit_code=ExitCode.NOT_FOUND)
            time.sleep(_POLL_SECONDS)
        done.append(found)
    return done


def _found(run: StoredRun, store: RecordStore) -> Imported | None:
    try:
        here = store.run(run.run_id)
    except RunNotFoundError:
        return None
    if not {one.digest for one in run.observations} <= {one.digest for one in here.observations}:
        return None
    return Imported(
        run_id=run.run_id, record_digest=str(here.record_digest), is_same=here.record_digest == run.record_digest
    )
