"""Runs as tables for people. Pure: records and rows in, rich renderables out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from mlp.render import duration
from mlp.runs.rows import SHORT_ID, flat, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from mlp.runs.code_changes import CodeChanges
    from mlp.runs.comparison import Difference
    from mlrecords.record import Data, RunRecord
    from mlrecords.rows import Row

_STYLES = {"Completed": "green", "Succeeded": "green", "Failed": "bold red", "Stopped": "yellow", "InProgress": "cyan"}
_METRICS_LISTED = 4
_USUAL = ("run_id", "kind", "name", "project", "state", "created_at", "seconds")
LISTED_COLUMNS = (*_USUAL, "metrics")
"""What a table of runs takes from their rows, beside what a query asked for."""


def runs_table(rows: Sequence[Row], asked: Sequence[str]) -> Table:
    """Runs, one a line, with what the query asked for; with their first metrics when it asked for no value by name."""
    more = [name for name in asked if name not in _USUAL]
    table = Table()
    for heading in ("run", "kind", "name", "project", "state", "created", "took"):
        table.add_column(heading, no_wrap=heading in ("run", "kind", "created", "took"), overflow="fold")
    for heading in more or ["metrics"]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        values = flat(row)
        last = [Text(short(values.get(name, ""))) for name in more] or [Text(_metrics(row.get("metrics", {})))]
        state = row["state"]
        table.add_row(
            Text(row["run_id"][:SHORT_ID]),
            Text(row["kind"]),
            Text(row["name"]),
            Text(row.get("project", "")),
            Text(state, style=_STYLES.get(state, "")),
            Text(moment(row.get("created_at"))),
            Text(duration(row.get("seconds"))),
            *last,
        )
    return table


def moment(at: datetime | None) -> str:
    """In the time zone of the reader."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""


def record_view(record: RunRecord, children: Sequence[Row]) -> Group:
    """Everything that is known of a run, but for long lists, which `--json` has."""
    identity, status, code, environment = record.identity, record.status, record.code, record.environment
    took = (status.ended_at - status.started_at).total_seconds() if status.started_at and status.ended_at else None
    image, machines = environment.image, environment.machines
    facts = {
        "run": record.run_id,
        "state": status.state,
        "reason": status.failure_reason,
        "approval": status.approval,
        "project": identity.project,
        "arn": identity.arn,
        "by": identity.created_by,
        "created": moment(identity.created_at),
        "took": duration(took),
        "cost": f"{record.cost.usd:.4f} USD ({record.cost.basis or 'list price'})"
        if record.cost and record.cost.usd
        else None,
        "pinned": f"{moment(record.pinned.at)}, when it was {record.pinned.state}" if record.pinned else None,
        "image": f"{image.uri} {image.digest or ''}" if image else None,
        "machines": f"{machines.instance_count or 1} x {machines.instance_type}"
        if machines and machines.instance_type
        else None,
        "python": environment.python,
        "packages": f"{len(environment.packages)} installed" if environment.packages else None,
        "code": " ".join(filter(None, (code.remote, code.commit, "with uncommitted changes" if code.dirty else None))),
        "archive": code.archive_uri,
        "entry point": " ".join(code.entry_point),
        "algorithm": record.algorithm.name,
    }
    parts: list[RenderableType] = [_facts(f"{identity.kind} {identity.name}", facts)]
    named: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("metrics", {name: short(metric.value) for name, metric in record.metrics.items()}),
        ("parameters", record.algorithm.hyperparameters),
        ("seeds", record.algorithm.seeds),
        ("inputs", {name: _data(data) for name, data in record.inputs.items()}),
        ("outputs", {name: _data(data) for name, data in record.outputs.items()}),
        ("parents", {one.relation: one.name or one.arn or run_id for run_id, one in record.parents.items()}),
        ("children", {row["run_id"][:SHORT_ID]: f"{row['kind']} {row['name']}" for row in children}),
        ("tags", record.tags),
    )
    parts += [_facts(title, values) for title, values in named if values]
    for note in sorted(record.notes.values(), key=lambda note: note.at):
        parts.append(Text(f"\n{note.kind}, {note.author}, {moment(note.at)}", style="bold"))
        parts.append(Text(note.text))
    return Group(*parts)


def differences_view(a: str, b: str, found: Iterable[Difference], changes: CodeChanges) -> list[RenderableType]:
    """What differs, by section, and the code."""
    table = Table("")
    for name in (a, b):
        table.add_column(Text(name))
    section = None
    for one in found:
        if section not in (None, one.section):
            table.add_section()
        section = one.section
        table.add_row(Text(f"{one.section} {one.name}", style="bold"), _value(one.a), _value(one.b))
    parts: list[RenderableType] = [table] if section else [Text("the runs do not differ in anything that is recorded")]
    if changes.remark:
        parts.append(Text(changes.remark))
    if changes.diff:
        parts.append(Syntax(changes.diff, "diff", background_color="default"))
    return parts


def _value(value: Any) -> Text:
    return Text("not there", style="dim") if value is None else Text(short(value), overflow="fold")


def _metrics(metrics: Mapping[str, float]) -> str:
    shown = [f"{name} {short(value)}" for name, value in list(metrics.items())[:_METRICS_LISTED]]
    return ", ".join(shown + ["..."] * (len(metrics) > _METRICS_LISTED))


def _data(data: Data) -> str:
    size = f"{data.rows:,} rows" if data.rows is not None else f"{data.size_bytes:,} bytes" if data.size_bytes else None
    return "  ".join(filter(None, (data.uri, data.version and short(data.version), size)))


def _facts(title: str, values: Mapping[str, Any]) -> Group:
    table = Table(show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        if value:
            table.add_row(Text(str(name)), Text(str(value)))
    return Group(Text(title, style="bold"), table)
