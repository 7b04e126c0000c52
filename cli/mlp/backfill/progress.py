"""Watching a backfill: one line that redraws on a terminal, a line per change elsewhere, a table at the end."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mlp.backfill.moments import Moment, Standing, standings
from mlp.errors import CliError, ExitCode
from mlp.watching import poll_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlp.backfill.moments import Schedule
    from mlp.backfill.runs import BatchRuns
    from mlp.output import Output

_STYLES = {
    Standing.PUBLISHED: "green",
    Standing.CHANGED: "yellow",
    Standing.MISSING: "yellow",
    Standing.FAILED: "bold red",
    Standing.WAITING: "dim",
    Standing.RUNNING: "cyan",
}
_SHOWN = 60
_UNDER_WAY = (Standing.WAITING, Standing.RUNNING)


def moments_table(moments: Sequence[Moment], schedule: Schedule) -> Group:
    """The moments and how they stand, in the schedule's time zone; the last ones, if they are very many."""
    table = Table()
    for column in (f"scheduled at ({schedule.time_zone})", "run", "status", "note"):
        table.add_column(column, no_wrap=column != "note", overflow="fold")
    for moment in moments[-_SHOWN:]:
        local = moment.scheduled_at.astimezone(schedule.zone)
        status = Text(moment.standing.value, style=_STYLES[moment.standing])
        table.add_row(f"{local:%a %Y-%m-%d %H:%M}", moment.run_id, status, Text(moment.note))
    left_out = len(moments) - _SHOWN
    earlier = (
        (Text(f"{left_out} earlier moments are not shown; --json lists all", style="dim"),) if left_out > 0 else ()
    )
    return Group(table, *earlier, Text(counts(moments)))


def counts(moments: Sequence[Moment]) -> str:
    """`12 published, 3 missing`."""
    found = Counter(moment.standing for moment in moments)
    return ", ".join(f"{found[standing]} {standing.value}" for standing in Standing if found[standing])


def follow(runs: BatchRuns, started: Sequence[Moment], out: Output, *, again_command: str) -> list[Moment]:
    """Show how the started runs stand until none is under way. Raises CliError (130) on Ctrl-C: they go on."""
    try:
        return _follow(runs, started, out)
    except KeyboardInterrupt as error:
        cause = "interrupted; the backfill goes on without you"
        fix = f"look at it, or go on watching, with `{again_command}`"
        raise CliError(cause, fix=fix, exit_code=ExitCode.INTERRUPTED) from error


def _follow(runs: BatchRuns, started: Sequence[Moment], out: Output) -> list[Moment]:
    before: dict[str, Standing] = {}
    began = time.monotonic()
    with Live(console=out.progress, auto_refresh=False) if out.is_live else nullcontext() as live:
        while True:
            moments = _look(runs, started)
            if live is not None:
                live.update(Text(f"{runs.pipeline}: {counts(moments)}"), refresh=True)
            else:
                for moment in moments:
                    if before.get(moment.run_id) != moment.standing:
                        out.say(f"{moment.run_id}  {moment.standing.value}  {moment.note}".rstrip())
            before = {moment.run_id: moment.standing for moment in moments}
            if not any(moment.standing in _UNDER_WAY for moment in moments):
                return moments
            time.sleep(poll_seconds(time.monotonic() - began))


def _look(runs: BatchRuns, started: Sequence[Moment]) -> list[Moment]:
    # The state first: a run that is no longer in it has its manifest, if it ever gets one.
    state = runs.state()
    found = standings([moment.scheduled_at for moment in started], published=runs.published(), changed={}, state=state)
    ended = {run["run_id"]: run for run in state.get("recent", ())}
    return [_honest(moment, ended.get(moment.run_id, {}).get("status")) for moment in found]


def _honest(moment: Moment, last: str | None) -> Moment:
    """A run that failed when it was run again still has the manifest of the time before."""
    if moment.standing is Standing.PUBLISHED and last in ("failed", "stopped"):
        return replace(moment, standing=Standing.FAILED, note="what it published before stands")
    return moment
