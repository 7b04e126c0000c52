"""`mlp logs`: what the steps of an execution printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlp.errors import CliError, ExitCode, nearest
from mlp.job_logs import JobLogs
from mlp.model import failed_step
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.sagemaker import SageMaker
from mlp.session import session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlp.job_logs import LogLine
    from mlp.model import Execution, StepRun

ExecutionArgument = Annotated[
    str,
    typer.Argument(
        metavar="EXECUTION",
        help="An execution ARN, PIPELINE/EXECUTION-ID, or a pipeline (its newest execution).",
    ),
]
StepArgument = Annotated[
    str | None,
    typer.Argument(metavar="[STEP]", help="A step; when not given, the step that failed, else every step."),
]
TailOption = Annotated[int | None, typer.Option("--tail", "-n", min=1, help="Only the last lines of each step.")]


def logs(
    execution: ExecutionArgument,
    step: StepArgument = None,
    tail: TailOption = None,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Print what the steps of an execution wrote to CloudWatch Logs."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        sagemaker = SageMaker(target)
        found = sagemaker.find_execution(execution)
        steps = choose_steps(found, sagemaker.steps(found.arn), step)
        reader = JobLogs(target)
        read = {item.name: _tail(reader.read(item.log_source), tail) for item in steps if item.log_source}
        document = {
            "execution_arn": found.arn,
            "steps": [
                {"name": name, "log": [{"time": line.time, "text": line.text} for line in lines]}
                for name, lines in read.items()
            ],
        }
        out.say(f"{found.short_name}: {', '.join(read) or 'no step has printed'}")
        out.lines(document, log_lines(read))


def choose_steps(execution: Execution, steps: Sequence[StepRun], name: str | None) -> tuple[StepRun, ...]:
    """The steps whose logs are wanted. Raises CliError for one that has not begun or starts no job."""
    with_logs = tuple(step for step in steps if step.log_source)
    if name is None:
        failed = failed_step(with_logs)
        return (failed,) if failed else with_logs
    chosen = next((step for step in steps if step.name == name), None)
    if chosen is None:
        raise _no_such_step(execution, with_logs, name)
    if chosen.log_source is None:
        fix = f"its status is {chosen.status}; steps with logs are {', '.join(step.name for step in with_logs)}"
        raise CliError(f"step '{name}' starts no job, so it has no log", fix=fix, exit_code=ExitCode.NOT_FOUND)
    return (chosen,)


def _no_such_step(execution: Execution, begun: Sequence[StepRun], name: str) -> CliError:
    names = [step.name for step in begun]
    near = nearest(name, names)
    fix = f"did you mean '{near}'? " if near else ""
    fix += f"steps with logs are {', '.join(names)}" if names else f"wait for one: `mlp watch {execution.short_name}`"
    cause = f"no step '{name}' has begun in {execution.short_name}"
    return CliError(cause, fix=fix, exit_code=ExitCode.NOT_FOUND)


def log_lines(read: Mapping[str, Sequence[LogLine]]) -> list[str]:
    """The lines of one step as they are; those of several steps with the step's name before them."""
    if len(read) == 1:
        return [line.text for lines in read.values() for line in lines]
    return [f"[{name}] {line.text}" for name, lines in read.items() for line in lines]


def _tail(lines: tuple[LogLine, ...], count: int | None) -> tuple[LogLine, ...]:
    return lines if count is None else lines[-count:]
