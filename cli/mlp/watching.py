"""Following an execution until it ends: a live table on a terminal, a line per change elsewhere."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live

from mlp.errors import CliError, ExitCode
from mlp.graph import execution_graph
from mlp.job_logs import JobLogs
from mlp.model import failed_step
from mlp.render import step_line, step_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlp.job_logs import LogLine
    from mlp.model import Definition, Execution, StepRun
    from mlp.output import Output
    from mlp.sagemaker import SageMaker
    from mlp.target import Target

LAST_LOG_LINES = 15


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """An execution and its steps at one moment."""

    execution: Execution
    steps: tuple[StepRun, ...]
    step_names: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """The snapshot as `--json` prints it."""
        now = datetime.now(tz=UTC)
        return {**self.execution.document(now=now), "steps": [step.document(now=now) for step in self.steps]}


def take(sagemaker: SageMaker, execution_arn: str, step_names: tuple[str, ...]) -> Snapshot:
    """How the execution stands now."""
    # Status first: an execution that has ended has all its steps, but not the other way round.
    execution = sagemaker.execution(execution_arn)
    return Snapshot(execution=execution, steps=sagemaker.steps(execution_arn), step_names=step_names)


def follow(sagemaker: SageMaker, execution_arn: str, step_names: tuple[str, ...], out: Output) -> Snapshot:
    """Show progress on stderr until the execution ends.

    Ctrl-C leaves the execution running; the CliError (130) says how to watch it again and how to stop it.
    """
    try:
        return (
            _live(sagemaker, execution_arn, step_names, out)
            if out.is_live
            else _plain(sagemaker, execution_arn, step_names, out)
        )
    except KeyboardInterrupt as error:
        fix = f"watch it with `mlp watch {execution_arn}`; stop it with `mlp stop {execution_arn}`"
        cause = "interrupted; the execution goes on"
        raise CliError(cause, fix=fix, exit_code=ExitCode.INTERRUPTED) from error


def follow_graphs(sagemaker: SageMaker, out: Output) -> None:
    """Show the graph of every execution that runs, until none does: redrawn on a terminal, at each change elsewhere."""
    definitions: dict[str, Definition] = {}
    shown: dict[str, tuple[str, ...]] = {}
    began = time.monotonic()
    with Live(console=out.progress, auto_refresh=False) if out.is_live else nullcontext() as live:
        while running := [row.last for row in sagemaker.pipelines() if row.last is not None and not row.last.has_ended]:
            graphs = [_graph(sagemaker, execution, definitions, shown) for execution in running]
            if live is not None:
                live.update(Group(*(graph for graph, _ in graphs)), refresh=True)
            else:
                for graph in (graph for graph, is_new in graphs if is_new):
                    out.progress.print(graph)
            time.sleep(poll_seconds(time.monotonic() - began))


def _graph(
    sagemaker: SageMaker, execution: Execution, definitions: dict[str, Definition], shown: dict[str, tuple[str, ...]]
) -> tuple[Group, bool]:
    """The graph of an execution, and whether a step of it changed since it was shown last."""
    if execution.pipeline_name not in definitions:
        definitions[execution.pipeline_name] = sagemaker.definition(execution.pipeline_name)
    steps = sagemaker.steps(execution.arn)
    statuses = tuple(f"{step.name} {step.status}" for step in steps)
    is_new = shown.get(execution.arn) != statuses
    shown[execution.arn] = statuses
    graph = definitions[execution.pipeline_name].graph
    return execution_graph(execution, steps, graph, now=datetime.now(tz=UTC)), is_new


def _live(sagemaker: SageMaker, arn: str, names: tuple[str, ...], out: Output) -> Snapshot:
    with Live(console=out.progress, auto_refresh=False) as live:

        def show(snapshot: Snapshot) -> None:
            table = step_table(snapshot.execution, snapshot.steps, names, now=datetime.now(tz=UTC))
            live.update(table, refresh=True)

        return _poll(lambda: take(sagemaker, arn, names), show)


def _plain(sagemaker: SageMaker, arn: str, names: tuple[str, ...], out: Output) -> Snapshot:
    shown: dict[str, str] = {}

    def show(snapshot: Snapshot) -> None:
        for step in snapshot.steps:
            if shown.get(step.name) != step.status:
                shown[step.name] = step.status
                out.say(step_line(step, now=datetime.now(tz=UTC)))

    return _poll(lambda: take(sagemaker, arn, names), show)


def _poll(look: Callable[[], Snapshot], show: Callable[[Snapshot], None]) -> Snapshot:
    began = time.monotonic()
    while True:
        snapshot = look()
        show(snapshot)
        if snapshot.execution.has_ended:
            return snapshot
        time.sleep(poll_seconds(time.monotonic() - began))


def poll_seconds(elapsed_seconds: float) -> float:
    """How long to wait before looking again: half a second at first, five seconds for a run of minutes."""
    return min(5.0, max(0.5, elapsed_seconds / 20))


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an execution failed, and where to read on."""

    step: str | None
    reason: str
    log: tuple[LogLine, ...]
    full_log_command: str

    def document(self) -> dict[str, object]:
        """The failure as `--json` prints it."""
        return {
            "step": self.step,
            "reason": self.reason,
            "log": [line.text for line in self.log],
            "full_log": self.full_log_command,
        }


def explain(target: Target, snapshot: Snapshot) -> Failure:
    """The failed step of an execution, its reason and its last log lines."""
    step = failed_step(snapshot.steps)
    execution = snapshot.execution
    reason = (step.failure_reason if step else None) or execution.failure_reason or "SageMaker gives no reason"
    source = step.log_source if step else None
    lines = JobLogs(target).read(source) if source else ()
    command = f"mlp logs {execution.short_name}" + (f" {step.name}" if step else "")
    return Failure(
        step=step.name if step else None, reason=reason, log=lines[-LAST_LOG_LINES:], full_log_command=command
    )
