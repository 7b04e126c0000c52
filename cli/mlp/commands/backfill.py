"""`mlp backfill`: run what a schedule missed, or what has changed since."""

from __future__ import annotations

import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mlp.backfill.moments import Moment, Standing, no_moments, run_id_of, scheduled_moments, standings, to_start
from mlp.backfill.progress import counts, follow, moments_table
from mlp.backfill.runs import BatchRuns, is_by_moment
from mlp.errors import ExitCode, bad_input
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.sagemaker import SageMaker
from mlp.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlp.output import Output

_AT_ONCE = 8  # Each look at an input is two calls to S3.

PipelineArgument = Annotated[str, typer.Argument(metavar="PIPELINE", help="A pipeline of batch inference.")]
FromOption = Annotated[
    str, typer.Option("--from", metavar="DATE", help="The first day, or time of the schedule's zone.")
]
ToOption = Annotated[str, typer.Option("--to", metavar="DATE", help="The last day, or time; it is included.")]
ParallelOption = Annotated[int, typer.Option("--parallel", min=1, metavar="N", help="How many runs at once.")]
ChangedOption = Annotated[
    bool | None,
    typer.Option(
        "--changed/--missing",
        help="Also runs whose input has changed since, or only those that are missing. When not given: changed ones, "
        "too, if the input is another one for each moment.",
    ),
]
AgainOption = Annotated[bool, typer.Option("--again", help="Also runs that have published: each is made anew.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show how the runs stand.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Start without asking.")]
WatchOption = Annotated[bool, typer.Option("--watch/--no-watch", help="Stay until the runs end, or only start them.")]


def backfill(
    pipeline: PipelineArgument,
    first: FromOption,
    last: ToOption,
    parallel: ParallelOption = 1,
    changed: ChangedOption = None,
    again: AgainOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    watch: WatchOption = True,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Run the moments of a pipeline's schedule that have no output, or whose input has changed.

    What is good stays as it is. Run it again to go on watching: what is under way is not started twice. Ctrl-C leaves the
    runs running.
    """
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        definition = SageMaker(target).definition(pipeline)
        runs = BatchRuns(target, pipeline)
        schedule = runs.schedule()
        due = scheduled_moments(schedule, first, last, now=datetime.now(tz=UTC))
        if not due:
            raise no_moments(schedule, first, last)
        default_input = next((spec.default for spec in definition.parameters if spec.name == "InputUri"), None)
        moments = _look(runs, due, compare=is_by_moment(default_input) if changed is None else changed)
        chosen = to_start(moments, again=again)
        table = moments_table(moments, schedule)
        if dry_run:
            out.result(_document(pipeline, moments, chosen), table, f"{len(chosen)} runs would be started")
            return
        if not out.as_json:
            out.progress.print(table)
        under_way = [moment for moment in moments if moment.standing in (Standing.RUNNING, Standing.WAITING)]
        if chosen:
            _ask(f"start {len(chosen)} runs of {pipeline}, {parallel} at once?", out, yes=yes)
            runs.start([moment.start() for moment in chosen], parallel=parallel)
            out.say(f"asked for {len(chosen)} runs of {pipeline} on {target.label}")
        elif under_way:
            runs.wake()
        watched = [moment for moment in moments if moment in chosen or moment in under_way]
        command = shlex.join(["mlp", "backfill", pipeline, "--from", first, "--to", last])
        if watch and watched:
            watched = follow(runs, watched, out, again_command=command)
        _end(pipeline, moments, chosen, watched, out, watch=watch, command=command)


def _look(runs: BatchRuns, due: Sequence[datetime], *, compare: bool) -> list[Moment]:
    published = runs.published()
    ids = [run_id_of(moment) for moment in due]
    compared = [run_id for run_id in ids if compare and run_id in published]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        notes = dict(zip(compared, pool.map(runs.input_change, compared), strict=True))
    changed = {run_id: f"input: {note}" for run_id, note in notes.items() if note}
    return standings(due, published=published, changed=changed, state=runs.state())


def _ask(question: str, out: Output, *, yes: bool) -> None:
    if yes:
        return
    if out.as_json or not sys.stdin.isatty():
        raise bad_input(["nobody can be asked here"], fix="say --yes to start the runs, or --dry-run to look only")
    if not typer.confirm(question, err=True):
        raise typer.Exit(ExitCode.OK)


def _document(pipeline: str, moments: Sequence[Moment], started: Sequence[Moment]) -> dict[str, object]:
    return {
        "pipeline": pipeline,
        "moments": [moment.document() for moment in moments],
        "started": [moment.run_id for moment in started],
    }


def _end(
    pipeline: str,
    moments: Sequence[Moment],
    started: Sequence[Moment],
    watched: Sequence[Moment],
    out: Output,
    *,
    watch: bool,
    command: str,
) -> None:
    """Say how it ended, or how to look; exit with 1 when a run failed."""
    now = {moment.run_id: moment for moment in watched} if watch else {}
    after = [now.get(moment.run_id, moment) for moment in moments]
    document = _document(pipeline, after, started)
    if not watched:
        out.result(document, "nothing to do: every moment has its output")
        return
    if not watch:
        out.result(document, f"look at them with `{command} --dry-run`")
        return
    failed = [moment for moment in watched if moment.standing is not Standing.PUBLISHED]
    reasons = [f"{moment.run_id}: {moment.note or moment.standing.value}" for moment in failed]
    out.result(document, f"{pipeline}: {counts(watched)}", *reasons)
    if failed:
        raise typer.Exit(ExitCode.RUN_FAILED)
