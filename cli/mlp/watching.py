"""Following an execution until it ends: a live table on a terminal, a line per change elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.live import Live

from mlp.errors import CliError, ExitCode
from mlp.job_logs import JobLogs
from mlp.model import failed_step
from mlp.render import step_line, step_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlp.job_logs import LogLine
    from mlp.model import Execution, StepRun
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
