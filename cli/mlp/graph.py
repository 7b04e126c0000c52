"""The graph of an execution as a tree for the terminal. Pure: typed values in, rich renderables out.

A step stands under the last of the steps it waits for; the others are named beside it. Steps of a branch stand under their
condition, marked with the outcome that runs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from mlp.render import duration, status_text, step_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlp.model import Execution, GraphStep, StepRun


def execution_graph(
    execution: Execution, steps: Sequence[StepRun], graph: Sequence[GraphStep], *, now: datetime
) -> Group:
    """How an execution stands, step by step along its graph."""
    title = f"{execution.short_name}  {execution.status}  {duration(execution.seconds(now=now))}"
    runs = {step.name: step for step in steps}
    idle = "not run" if execution.has_ended else "waiting"
    root = Tree("", hide_root=True, guide_style="dim")
    branches: dict[str, Tree] = {}
    for step in _after_what_it_waits_for(graph):
        parent = branches[step.waits_for[-1]] if step.waits_for else root
        branches[step.name] = parent.add(_label(step, runs, idle, now=now))
    return Group(Text(title, style="bold"), root)


def _label(step: GraphStep, runs: Mapping[str, StepRun], idle: str, *, now: datetime) -> Text:
    run = runs.get(step.name)
    condition = "" if step.runs_if is None else f"if {str(step.runs_if).lower()}: "
    label = Text(f"{condition}{step.name}  ", style="" if run else "dim")
    label.append_text(status_text(run.status if run else idle))
    if run is not None:
        label.append(f"  {duration(run.seconds(now=now))}  {step_note(run)}".rstrip())
    if len(step.waits_for) > 1:
        label.append(f"  (also after {', '.join(step.waits_for[:-1])})", style="dim")
    return label


def _after_what_it_waits_for(graph: Sequence[GraphStep]) -> Sequence[GraphStep]:
    """The steps in an order in which each comes after those it waits for, which it names in that order."""
    by_name = {step.name: step for step in graph}
    ordered: dict[str, GraphStep] = {}

    def place(step: GraphStep) -> None:
        for name in step.waits_for:
            if name not in ordered and name in by_name:
                place(by_name[name])
        ordered.setdefault(step.name, step)

    for step in graph:
        place(step)
    positions = {name: number for number, name in enumerate(ordered)}
    return [step.sorted_by(positions) for step in ordered.values()]
