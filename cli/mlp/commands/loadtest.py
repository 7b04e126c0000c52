"""`mlp loadtest`: how many requests per second one instance, serverless container or copy of an endpoint serves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlp.endpoints import Endpoints, content_type_of, read_payload
from mlp.errors import CliError, ExitCode, bad_input
from mlp.files import refuse_unwritable
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.session import session

if TYPE_CHECKING:
    from mlp.loadtest.endpoint import Capacity
    from mlp.loadtest.steps import Step


def loadtest(
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT")],
    payload: Annotated[
        list[Path],
        typer.Option("--payload", metavar="FILE", help="What to send; several are sent one after the other."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the curve and the knee here, as JSON.")],
    latency_ms: Annotated[float, typer.Option("--latency-ms", min=1, help="Within which requests are answered.")],
    quantile: Annotated[float, typer.Option("--quantile", min=0.5, max=1, help="Which share of them.")] = 0.99,
    variant: Annotated[str | None, typer.Option("--variant", help="When not given: the only one.")] = None,
    component: Annotated[
        str | None, typer.Option("--component", help="Of an endpoint with inference components: whose model is asked.")
    ] = None,
    content_type: Annotated[
        str | None, typer.Option("--content-type", help="When not given: by the ending of the first payload.")
    ] = None,
    first_rps: Annotated[float, typer.Option("--first-rps", min=0.01, help="The lowest rate.")] = 1,
    most_rps: Annotated[float, typer.Option("--most-rps", min=0.01, help="The highest rate.")] = 500,
    step_seconds: Annotated[float, typer.Option("--step-seconds", min=1, help="Of a step, at least.")] = 15,
    most_minutes: Annotated[float, typer.Option("--most-minutes", min=0.1, help="Of sending, all in all.")] = 20,
    stop_at_errors: Annotated[
        float, typer.Option("--stop-at-errors", min=0, max=1, help="Cut a step short when this share of it failed.")
    ] = 0.05,
    seed: Annotated[int, typer.Option("--seed", help="Of the times of requests.")] = 0,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Find how many requests per second one instance serves at a latency. Exit code 1: no knee was confirmed.

    Of a serverless endpoint it is one of its concurrent containers, with --component one copy. An asynchronous endpoint has
    answered when the output is in S3.

    Requests come at random times, however long the endpoint takes. Rates rise by half until the objective is missed, and what is found
    is confirmed by a longer step. Suspend the scaling of the endpoint meanwhile: with other instances the test stops.
    """
    from mlp.loadtest.endpoint import EndpointUnderTest
    from mlp.loadtest.generator import OpenLoop
    from mlp.loadtest.knee import Limits, find_knee
    from mlp.loadtest.report import Report
    from mlp.loadtest.steps import Goal

    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, output):
        refuse_unwritable(out)
        payloads = [read_payload(one) for one in payload]
        if most_rps < first_rps:
            raise bad_input([f"--most-rps {most_rps:g} is below --first-rps {first_rps:g}"], fix="use a higher one")
        named = Endpoints(target).variant(endpoint, variant)
        tested = EndpointUnderTest(target, endpoint, named, component)
        capacity = tested.capacity()
        goal = Goal(latency_seconds=latency_ms / 1000, quantile=quantile)
        limits = Limits(
            first_rps=first_rps, most_rps=most_rps, step_seconds=step_seconds, most_seconds=60 * most_minutes
        )
        output.say(_cost(capacity, most_minutes))
        kind = content_type_of(payload[0]) if content_type is None else content_type
        send = tested.sender(payloads, kind, timeout_seconds=max(5.0, 10 * goal.latency_seconds))
        open_loop = OpenLoop(send, goal, stop_at_errors=stop_at_errors, seed=seed)

        def measure(rate: float, seconds: float, confirming: bool) -> Step:
            output.say(f"{rate:.4g} requests per second for {seconds:.0f} s{' to confirm' if confirming else ''}")
            step = open_loop.step(rate, seconds, confirming=confirming)
            if tested.capacity() != capacity:
                cause = f"the instances of {endpoint} changed during the test: there were {capacity}"
                raise CliError(cause, fix="suspend its scaling, and test again", exit_code=ExitCode.RUN_FAILED)
            return step

        started_at = datetime.now(tz=UTC)
        search = find_knee(measure, limits, latency_seconds=goal.latency_seconds)
        report = Report.of(
            search,
            goal,
            capacity,
            endpoint=endpoint,
            variant=named,
            component=component,
            started_at=started_at,
        )
        output.result(report.document(), report.curve(), str(report))
        report.write(out)
    if not report.confirmed:
        raise typer.Exit(ExitCode.RUN_FAILED)


def _cost(capacity: Capacity, most_minutes: float) -> str:
    began = f"testing {capacity} for {most_minutes:g} minutes or less"
    if not capacity.paid_instances:
        return f"{began}, which are paid by the time of each request"
    usd = capacity.usd_per_hour
    price = "at a price that mlp does not know" if usd is None else f"at {usd * most_minutes / 60:.2f} USD or less"
    return f"{began}, {price} for them meanwhile"
