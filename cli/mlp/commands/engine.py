"""`mlp up`, `mlp down`, `mlp status`: the embedded AWS of this directory, and what stands in an account."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import mllocal
from mllocal.scaling_clock import FASTEST, PROVISIONING_VARIABLE, SPEED_VARIABLE
from mlp.endpoints import Endpoints
from mlp.home import HomeEnvironment, home_environment
from mlp.model import Stack
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.output import Output, reporting
from mlp.render import endpoints_table, facts_table, pipelines_table, stacks_table
from mlp.sagemaker import SageMaker
from mlp.session import session
from mlp.target import Target, at_engine, engine_error, engine_home
from mlp.watching import follow_graphs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlp.endpoints import EndpointRow
    from mlp.model import PipelineRow
    from mlp.target import Fact

PortOption = Annotated[
    int | None, typer.Option(min=1, max=65535, help="The port to listen on; a free one when not given.")
]
WatchOption = Annotated[
    bool, typer.Option("--watch", help="First show the graph of every execution that runs, until none does.")
]
ForgetOption = Annotated[bool, typer.Option("--forget", help="Delete its state, so that the next one starts empty.")]
EnvironmentOption = Annotated[
    str, typer.Option("--environment", "-e", help="The environment of platform.yaml that the engine plays.")
]
ClockSpeedOption = Annotated[
    float,
    typer.Option(
        "--scaling-clock-speed",
        min=1,
        max=FASTEST,
        envvar=SPEED_VARIABLE,
        help="How fast the scaling of endpoints runs: at 60, a minute is a second.",
    ),
]
ProvisioningOption = Annotated[
    float,
    typer.Option(
        "--provisioning-seconds",
        min=0,
        envvar=PROVISIONING_VARIABLE,
        help="How long a new instance of an endpoint takes, on that clock, besides its process.",
    ),
]


def up(
    port: PortOption = None,
    environment: EnvironmentOption = "dev",
    scaling_clock_speed: ClockSpeedOption = 1,
    provisioning_seconds: ProvisioningOption = 0,
    json: JsonOption = False,
) -> None:
    """Start the embedded AWS of this directory, or say that it runs.

    Its account and region are those of the environment in platform.yaml; it works in .mlp/. One that runs keeps its clock.
    """
    with reporting(as_json=json) as out:
        home = home_environment(Path.cwd(), environment)
        clock = mllocal.ScalingClock(speed=scaling_clock_speed, provisioning_seconds=provisioning_seconds)
        engine = _up(port, home, clock, out)
        target = at_engine(engine)
        document = {fact.name.lower(): fact.value for fact in target.facts()}
        out.result(document, facts_table(target.label, target.facts()))
        out.say("stop it with `mlp down`")


def _up(port: int | None, home: HomeEnvironment, clock: mllocal.ScalingClock, out: Output) -> mllocal.Engine:
    try:
        return mllocal.up(
            Path.cwd(),
            port=port,
            account=home.account,
            region=home.region,
            scaling_clock=clock,
            progress=out.say,
        )
    except mllocal.EngineError as error:
        raise engine_error(error) from error


def down(forget: ForgetOption = False, json: JsonOption = False) -> None:
    """Stop the embedded AWS of this directory. What was deployed and run in it is there again after `mlp up`."""
    with reporting(as_json=json) as out:
        home = engine_home(Path.cwd())
        try:
            stopped = home is not None and mllocal.down(home, forget=forget)
        except mllocal.EngineError as error:
            raise engine_error(error) from error
        out.result({"stopped": stopped}, "stopped" if stopped else "nothing was running here")


def status(
    watch: WatchOption = False,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Show what stands there: stacks, pipelines with their last executions, endpoints, and what is not emulated."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        if watch:
            follow_graphs(SageMaker(target), out)
        facts, stacks, rows = target.facts(), _stacks(target), SageMaker(target).pipelines()
        endpoints, not_emulated = Endpoints(target).rows(), target.not_emulated()
        out.result(
            _status_document(target, facts, stacks, rows, endpoints),
            facts_table(target.label, facts),
            *((stacks_table(stacks),) if stacks else ("no stacks yet: `cdk bootstrap`, then `cdk deploy --all`",)),
            *((pipelines_table(rows, now=datetime.now(tz=UTC)),) if rows else ()),
            *((endpoints_table(endpoints),) if endpoints else ()),
            *((f"accepted but not emulated: {', '.join(not_emulated)}",) if not_emulated else ()),
        )


def _status_document(
    target: Target,
    facts: Sequence[Fact],
    stacks: Sequence[Stack],
    rows: Sequence[PipelineRow],
    endpoints: Sequence[EndpointRow],
) -> dict[str, object]:
    now = datetime.now(tz=UTC)
    return {
        "target": target.label,
        **{fact.name.lower(): fact.value for fact in facts},
        "stacks": [asdict(stack) for stack in stacks],
        "pipelines": [
            {"name": row.name, "last_execution": row.last.document(now=now) if row.last else None} for row in rows
        ],
        "endpoints": [asdict(row) for row in endpoints],
        "resource_types_not_emulated": list(target.not_emulated()),
    }


def _stacks(target: Target) -> tuple[Stack, ...]:
    pages = target.client("cloudformation").get_paginator("describe_stacks").paginate()
    found = (Stack(name=item["StackName"], status=item["StackStatus"]) for page in pages for item in page["Stacks"])
    return tuple(sorted(found, key=lambda stack: stack.name))
