"""`mlp pipelines`, `mlp run`, `mlp watch`, `mlp stop`: executions of SageMaker pipelines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from mlp.errors import ExitCode
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.output import Output
from mlp.parameters import parse_parameters
from mlp.render import execution_line, follower_line, move_line, pipelines_table, step_table
from mlp.sagemaker import SageMaker
from mlp.session import session
from mlp.target import Target
from mlp.watching import Snapshot, explain, follow, take

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlp.watching import Failure

PipelineArgument = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="The name of a pipeline; `mlp pipelines` lists them.")
]
ExecutionArgument = Annotated[
    str,
    typer.Argument(
        metavar="EXECUTION",
        help="An execution ARN, PIPELINE/EXECUTION-ID, or a pipeline (its newest execution).",
    ),
]
ParamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param", "-p", metavar="NAME=VALUE", help="A parameter of the pipeline; may be given several times."
    ),
]
WatchOption = Annotated[
    bool, typer.Option("--watch/--no-watch", help="Stay until the execution ends, or only start it.")
]


def pipelines(endpoint_url: EndpointOption = None, aws: AwsOption = False, json: JsonOption = False) -> None:
    """List the pipelines with their last executions."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        rows = SageMaker(target).pipelines()
        now = datetime.now(tz=UTC)
        listed = [
            {"name": row.name, "last_execution": row.last.document(now=now) if row.last else None} for row in rows
        ]
        text = pipelines_table(rows, now=now) if rows else "no pipelines yet: deploy them with `cdk deploy --all`"
        out.result({"pipelines": listed}, text)


def run(
    pipeline: PipelineArgument,
    param: ParamOption = None,
    watch: WatchOption = True,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Start a pipeline and watch it until it ends.

    Ctrl-C leaves the execution running. Every run is a new execution: one that was killed can be run again.
    """
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        sagemaker = SageMaker(target)
        definition = sagemaker.definition(pipeline)
        arn = sagemaker.start(pipeline, parse_parameters(param or [], definition))
        out.say(f"started {arn} on {target.label}")
        if watch:
            _end(target, follow(sagemaker, arn, definition.step_names, out), out)
            return
        execution = sagemaker.execution(arn)
        out.result(execution.document(now=datetime.now(tz=UTC)), f"watch it with `mlp watch {execution.short_name}`")


def watch(
    execution: ExecutionArgument,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Watch an execution until it ends; exit code 1 when it did not succeed."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        sagemaker = SageMaker(target)
        found = sagemaker.find_execution(execution)
        names = sagemaker.definition(found.pipeline_name).step_names
        _end(target, follow(sagemaker, found.arn, names, out), out)


def stop(
    execution: ExecutionArgument,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Stop an execution and the job that it runs."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        sagemaker = SageMaker(target)
        found = sagemaker.find_execution(execution)
        if not found.has_ended:
            sagemaker.stop(found.arn)
        snapshot = take(sagemaker, found.arn, ())
        said = "had already ended" if found.has_ended else "stops"
        text = f"{found.short_name} {said}: {snapshot.execution.status}"
        out.result(snapshot.document(), text)


def _end(target: Target, snapshot: Snapshot, out: Output) -> None:
    """Print how an execution ended; exit with 1 when it did not succeed."""
    now = datetime.now(tz=UTC)
    execution = snapshot.execution
    failure = explain(target, snapshot) if execution.status == "Failed" else None
    follower = None if execution.status == "Succeeded" else SageMaker(target).follower(execution)
    document = {
        **snapshot.document(),
        "failure": failure.document() if failure else None,
        "followed_by": follower.document(now=now) if follower else None,
    }
    table = () if out.is_live else (step_table(execution, snapshot.steps, snapshot.step_names, now=now),)
    line = escape(execution_line(execution, now=now))
    following = [escape(follower_line(follower))] if follower else []
    if execution.status == "Stopped" and follower is None:
        following = [escape(move_line(execution, name)) for name in SageMaker(target).on_demand_pipeline(execution)]
    out.result(document, *table, line, *(_failure_text(failure) if failure else ()), *following)
    if execution.status != "Succeeded":
        raise typer.Exit(ExitCode.RUN_FAILED)


def _failure_text(failure: Failure) -> tuple[RenderableType, ...]:
    where = f"step {failure.step} failed" if failure.step else "the execution failed"
    head = f"[bold red]{escape(where)}:[/] {escape(failure.reason)}"
    log = tuple(f"  [dim]|[/] {escape(line.text)}" for line in failure.log)
    return (head, *log, f"full log: `{escape(failure.full_log_command)}`")
