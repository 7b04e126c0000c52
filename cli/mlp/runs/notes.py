"""Free text about a run: an observation like any other, sent to the capture of the account."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlp.errors import CliError, ExitCode
from mlrecords import sending
from mlrecords.canonical import canonical
from mlrecords.codec import to_json
from mlrecords.observations import Observation, facts_of, order_of
from mlrecords.record import Note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlp.target import Target
    from mlrecords.store import RecordStore

KINDS = ("question", "interpretation", "decision", "note")
PATIENCE_SECONDS = 90.0
_POLL_SECONDS = 0.5
_HEADING = re.compile(rf"^# ({'|'.join(KINDS)}) *$", re.MULTILINE)
_EXPLANATION = re.compile(r"\A<!--.*?-->", re.DOTALL)


def template(title: str) -> str:
    """What the editor shows: a heading for each kind of note."""
    explanation = f"<!-- {title}. Write below the headings; what stays empty is not noted. -->"
    return "\n\n".join((explanation, *(f"# {kind}\n" for kind in KINDS)))


def written(text: str) -> dict[str, str]:
    """The notes by kind that somebody wrote into the template; without any heading, all of it is a note."""
    before, *rest = _HEADING.split(_EXPLANATION.sub("", text))
    notes: dict[str, str] = {"note": before.strip()}
    for kind, content in zip(rest[::2], rest[1::2], strict=True):
        notes[kind] = "\n\n".join(filter(None, (notes.get(kind, ""), content.strip())))
    return {kind: content for kind, content in notes.items() if content}


def observation(run_id: str, notes: Mapping[str, str], *, author: str, at: datetime) -> Observation:
    """The notes, by kind, as an observation of the run. Raises `CliError` for more than an event holds."""
    moment = at.astimezone(UTC)
    made = {
        f"{moment:%Y%m%dT%H%M%S.%fZ}-{kind}": Note(kind=kind, text=text, author=author, at=moment)
        for kind, text in notes.items()
    }
    seen = Observation(
        run_id=run_id, source="note", order=order_of(int(moment.timestamp() * 1000)), facts=facts_of({"notes": made})
    )
    size = len(canonical(to_json(seen)))
    if size > sending.MOST_BYTES:
        fix = f"shorten it, or note where the text is; at most {sending.MOST_BYTES:,} bytes are possible"
        raise CliError(f"the notes have {size:,} bytes", fix=fix, exit_code=ExitCode.BAD_INPUT)
    return seen


def send(target: Target, seen: Observation) -> None:
    """Give an observation to the account's event bus, from which capture takes it. Raises `CliError`."""
    try:
        sending.send(target.client("events"), seen)
    except sending.RefusedError as error:
        cause = f"{target.label} did not take the notes: {error}"
        raise CliError(cause, fix="nothing was noted; try again", exit_code=ExitCode.NOT_FOUND) from error


def wait(store: RecordStore, seen: Observation, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until the record shows an observation. Raises `CliError` when that takes too long."""
    deadline = time.monotonic() + patience_seconds
    while seen.digest not in {one.digest for one in store.run(seen.run_id).observations}:
        if time.monotonic() > deadline:
            raise CliError(
                f"the notes were sent, and after {patience_seconds:.0f} seconds the record of run {seen.run_id} does not show them",
                fix="look at `mlp runs show` in some minutes; if they are not there, ask the platform team for the capture's dead letters",
                exit_code=ExitCode.NOT_FOUND,
            )
        time.sleep(_POLL_SECONDS)
