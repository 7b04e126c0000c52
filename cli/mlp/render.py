"""Tables and sentences. Pure: typed values in, rich renderables and strings out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mlp.endpoints import ComponentRow, VariantRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlp.endpoints import EndpointRow
    from mlp.model import Execution, ModelVersion, PipelineRow, Stack, StepRun
    from mlp.target import Fact

_STYLES = {
    "Succeeded": "green",
    "Failed": "bold red",
    "Stopped": "yellow",
    "CompletedWithFailures": "yellow",
    "Stopping": "yellow",
    "Executing": "cyan",
    "Starting": "cyan",
    "waiting": "dim",
    "not run": "dim",
    "Approved": "green",
    "Rejected": "red",
}


def status_text(status: str) -> Text:
    return Text(status, style=_STYLES.get(status, ""))


def duration(seconds: float | None) -> str:
    """`0.4 s`, `42 s`, `3 min 05 s`, `2 h 07 min`; nothing when it has not begun."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def step_note(step: StepRun) -> str:
    """What there is to say of a step beside its status."""
    if step.failure_reason:
        return step.failure_reason
    if step.is_cached:
        return "taken from the cache"
    if step.outcome is not None:
        return f"condition is {step.outcome.lower()}"
    return ""


def step_table(execution: Execution, steps: Sequence[StepRun], names: Sequence[str], *, now: datetime) -> Group:
    """The steps of an execution: those that began, in their order, then the others that the pipeline has."""
    title = f"{execution.short_name}  {execution.status}  {duration(execution.seconds(now=now))}"
    table = Table(expand=False)
    table.add_column("step", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("note", overflow="fold")
    for step in steps:
        took = duration(step.seconds(now=now))
        table.add_row(Text(step.name), status_text(step.status), took, Text(step_note(step)))
    begun = {step.name for step in steps}
    idle = "not run" if execution.has_ended else "waiting"
    for name in names:
        if name not in begun:
            table.add_row(Text(name, style="dim"), status_text(idle), "", "")
    note = (Text(execution.note, style="dim"),) if execution.note else ()
    return Group(Text(title, style="bold"), *note, table)


def step_line(step: StepRun, *, now: datetime) -> str:
    """A change of one step as a plain line, for logs and pipes."""
    note = step_note(step)
    took = duration(step.seconds(now=now)) if step.end is not None else ""
    return "  ".join(part for part in (f"{step.name:<20}", f"{step.status:<10}", took, note) if part).rstrip()


def execution_line(execution: Execution, *, now: datetime) -> str:
    """How an execution ended, in one line."""
    return f"{execution.status} in {duration(execution.seconds(now=now))}: {execution.short_name}"


def follower_line(follower: Execution) -> str:
    """What the platform started in the place of an execution, in one line."""
    name = follower.short_name
    return f"the platform goes on in {name}: {follower.note}; watch it with `mlp watch {name}`"


def move_line(execution: Execution, on_demand_pipeline: str) -> str:
    """What may come after an execution that has stopped just now."""
    return (
        f"if {execution.short_name} waited too long for spot capacity, the platform starts it in {on_demand_pipeline} now; "
        f"watch it with `mlp watch {on_demand_pipeline}`"
    )


def facts_table(title: str, facts: Sequence[Fact]) -> Group:
    table = Table(show_header=False)
    table.add_column("fact", style="dim", no_wrap=True)
    table.add_column("value", overflow="fold")
    for fact in facts:
        table.add_row(fact.name, Text(str(fact.value)))
    return Group(Text(title, style="bold"), table)


def stacks_table(stacks: Sequence[Stack]) -> Group:
    table = Table()
    table.add_column("stack")
    table.add_column("status")
    for stack in stacks:
        table.add_row(Text(stack.name), Text(stack.status, style="red" if "FAILED" in stack.status else "green"))
    return Group(Text("Stacks", style="bold"), table)


def pipelines_table(rows: Sequence[PipelineRow], *, now: datetime) -> Group:
    table = Table()
    for column in ("pipeline", "last execution", "status", "took", "started"):
        table.add_column(column)
    noted = any(row.last is not None and row.last.note for row in rows)
    if noted:
        table.add_column("note", overflow="fold")
    for row in rows:
        last = row.last
        if last is None:
            table.add_row(Text(row.name), Text("has not run yet", style="dim"))
            continue
        started = last.start.astimezone().strftime("%Y-%m-%d %H:%M:%S") if last.start else ""
        took = duration(last.seconds(now=now))
        note = [Text(last.note)] if noted else []
        table.add_row(Text(row.name), last.short_name.split("/", 1)[1], status_text(last.status), took, started, *note)
    return Group(Text("Pipelines", style="bold"), table)


def endpoints_table(rows: Sequence[EndpointRow]) -> Group:
    """A line for each variant and each component: what serves now, and how many are wanted where these are others."""
    table = Table()
    for column in ("endpoint", "status", "variant, component", "serves", "range", "policies"):
        table.add_column(column, overflow="fold")
    for row in rows:
        named = (Text(row.name), Text(_status(row)))
        for one in row.variants:
            table.add_row(*named, one.name, serves_text(one), _range(one), ", ".join(one.policies))
            named = (Text(""), Text(""))
        for component in row.components:
            shown = (component.name, serves_text(component), _range(component), ", ".join(component.policies))
            table.add_row("", Text(_status(component)), *shown)
        if not row.variants:
            table.add_row(*named, "", "", "", "")
    return Group(Text("Endpoints", style="bold"), table)


def _status(row: EndpointRow | ComponentRow) -> str:
    return row.status if row.failure_reason is None else f"{row.status}: {row.failure_reason}"


def _range(row: VariantRow | ComponentRow) -> str:
    return "" if row.minimum is None else f"{row.minimum} to {row.maximum}"


def serves_text(row: VariantRow | ComponentRow) -> str:
    """`1 instance`, or `1 instance, 2 wanted` while it changes; copies of a component, warm containers of a serverless variant.

    Nothing for a serverless variant that keeps none warm.
    """
    match row:
        case VariantRow(instances=int(count)):
            unit = "instance" if count == 1 else "instances"
        case VariantRow(provisioned_concurrency=int(count)):
            unit = "warm container" if count == 1 else "warm containers"
        case ComponentRow(copies=int(count)):
            unit = "copy" if count == 1 else "copies"
        case _:
            return ""
    wanted = "" if row.desired in (None, count) else f", {row.desired} wanted"
    return f"{count} {unit}{wanted}"


def version_line(version: ModelVersion) -> str:
    return f"{version.group} version {version.version}: {version.approval}"
