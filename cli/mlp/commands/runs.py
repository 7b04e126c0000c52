"""`mlp runs`: find, compare and annotate what ran."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer
from rich.console import Console

from mlp.errors import EXIT_CODES_HELP, bad_input
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.runs import charts, notes
from mlp.runs.code_changes import code_changes
from mlp.runs.comparison import differences
from mlp.runs.library import Runs
from mlp.runs.rows import SHORT_ID, columns_of, flat
from mlp.runs.tables import LISTED_COLUMNS, differences_view, record_view, runs_table
from mlp.session import session
from mlrecords.codec import to_json as plain

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlp.output import Output
    from mlp.runs.rows import Found
    from mlp.target import Target

app = typer.Typer(help="Runs: find, compare and annotate what ran; see docs/runs.md.", no_args_is_help=True)

_LISTED = 25
_FILES_WORTH_SAYING = 200
_PRINTED_WIDTH = 120

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run id or its beginning, a job's name, an ARN, an MLflow run id, or GROUP/VERSION of a model.",
    ),
]
OtherArgument = Annotated[str, typer.Argument(metavar="OTHER", help="The run to compare it with.")]
QueryArgument = Annotated[
    str,
    typer.Argument(metavar="QUERY", help="Such as \"metric.rmse < 40 and tag.owner = 'ada' order by metric.rmse\"."),
]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many, unless the query says so.")]
ProjectOption = Annotated[str | None, typer.Option("--project", help="Only runs of this project.")]
KindOption = Annotated[str | None, typer.Option("--kind", help="Only runs of this kind, such as training-job.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print all columns as comma-separated values.")]
ChartOption = Annotated[
    Path | None,
    typer.Option("--chart", metavar="FILE", help="Draw metrics with steps: .png, .svg, .pdf, or .html with the text."),
]
_Text = Annotated[str | None, typer.Option(metavar="TEXT")]


@app.command("list", epilog=EXIT_CODES_HELP)
def list_runs(
    limit: LimitOption = _LISTED,
    project: ProjectOption = None,
    kind: KindOption = None,
    csv: CsvOption = False,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Show the newest runs. Steps of pipelines are shown by their jobs; `--kind pipeline-step` shows them themselves."""
    asked = {"project": project, "kind": kind}
    terms = [f"{name} = '{_escaped(value)}'" for name, value in asked.items() if value is not None]
    query = " and ".join([*terms, *(["kind != 'pipeline-step'"] if kind is None else [])])
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        _print(_found(target, out, query, limit, as_csv=csv), out, as_csv=csv, usual=("project", "kind"))


@app.command(epilog=EXIT_CODES_HELP)
def search(
    query: QueryArgument,
    limit: LimitOption = _LISTED,
    csv: CsvOption = False,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Find runs by what they are, got, measured and made."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        _print(_found(target, out, query, limit, as_csv=csv), out, as_csv=csv)


@app.command(epilog=EXIT_CODES_HELP)
def show(
    run: RunArgument,
    chart: ChartOption = None,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Show the record of a run; with --json all of it."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        runs = _runs(target, out)
        record = runs.get(run)
        children = runs.children(record.run_id)
        view = record_view(record, children)
        if chart is not None:
            charts.save(chart, {record.identity.name: record}, report=_printed(view))
            out.say(f"drawn in {chart}")
        out.result({**plain(record), "children": [row["run_id"] for row in children]}, view)


@app.command(epilog=EXIT_CODES_HELP)
def compare(
    run: RunArgument,
    other: OtherArgument,
    chart: ChartOption = None,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Show what differs between two runs, and nothing else: metrics, parameters, data, code, environment."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        runs = _runs(target, out)
        a, b = runs.get(run), runs.get(other)
        name_a, name_b = (f"{record.identity.name} {record.run_id[:SHORT_ID]}" for record in (a, b))
        found, changes = differences(a, b), code_changes(runs.store, a.code, b.code)
        view = differences_view(name_a, name_b, found, changes)
        if chart is not None:
            charts.save(chart, {name_a: a, name_b: b}, report=_printed(*view))
            out.say(f"drawn in {chart}")
        document = {
            "a": a.run_id,
            "b": b.run_id,
            "differences": [asdict(one) for one in found],
            "code": asdict(changes),
        }
        out.result(document, *view)


@app.command(epilog=EXIT_CODES_HELP)
def note(
    run: RunArgument,
    question: _Text = None,
    interpretation: _Text = None,
    decision: _Text = None,
    text: _Text = None,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Add free text to a run: the question it was to answer, what it means, what was decided. Without an option, in $EDITOR."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        runs = _runs(target, out)
        record = runs.get(run)
        given = {"question": question, "interpretation": interpretation, "decision": decision, "note": text}
        said = {kind: content.strip() for kind, content in given.items() if content is not None and content.strip()}
        texts = said or _edited(f"{record.identity.kind} {record.identity.name}, run {record.run_id}")
        author = target.client("sts").get_caller_identity()["Arn"]
        seen = notes.observation(record.run_id, texts, author=author, at=datetime.now(tz=UTC))
        notes.send(target, seen)
        out.say("sent; waiting until the record shows it")
        notes.wait(runs.store, seen)
        out.result(
            {"run_id": record.run_id, "notes": seen.facts["notes"]},
            f"noted on {record.identity.name}: {', '.join(texts)}",
        )


def _edited(title: str) -> dict[str, str]:
    texts = notes.written(click.edit(notes.template(title), extension=".md") or "")
    if not texts:
        raise bad_input(
            ["nothing was written"],
            fix="write below a heading and save, or use --text, --question, --interpretation or --decision",
        )
    return texts


def _runs(target: Target, out: Output) -> Runs:
    def progress(done: int, of: int) -> None:
        if of >= _FILES_WORTH_SAYING:
            out.say(f"copying rows of runs to this machine: {done} of {of} files")

    return Runs(target, progress=progress)


def _found(target: Target, out: Output, query: str, limit: int, *, as_csv: bool) -> Found:
    columns = None if as_csv or out.as_json else LISTED_COLUMNS
    return _runs(target, out).find(query, limit=limit, columns=columns)


def _print(found: Found, out: Output, *, as_csv: bool, usual: tuple[str, ...] = ()) -> None:
    rows = [flat(row) for row in found.rows]
    if as_csv:
        out.lines({"runs": rows}, _csv(rows))
    elif rows:
        out.result(
            {"runs": rows, "has_more": found.has_more},
            runs_table(found.rows, [name for name in found.asked if name not in usual]),
        )
    else:
        out.result(
            {"runs": [], "has_more": False},
            "no run is so" if found.asked else "no run is recorded yet: start one with `mlp run`",
        )
    if found.has_more:
        out.say(f"there are more than these {len(rows)}: say --limit, or `limit` in the query")


def _csv(rows: list[dict[str, object]]) -> list[str]:
    written = io.StringIO()
    writer = csv.DictWriter(written, columns_of(rows) or ["run_id"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().splitlines()


def _printed(*parts: RenderableType) -> str:
    console = Console(width=_PRINTED_WIDTH, no_color=True)
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    return captured.get()


def _escaped(text: str) -> str:
    return text.replace("'", "''")
