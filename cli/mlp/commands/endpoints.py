"""`mlp endpoints`: what serves, what scales it, and a request by hand."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from mlp.endpoints import Endpoints, content_type_of, read_payload, refuse_both
from mlp.errors import EXIT_CODES_HELP
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.render import endpoints_table, serves_text
from mlp.session import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlp.endpoints import Activity, ComponentRow, EndpointRow, VariantRow
    from mlp.output import Output

app = typer.Typer(help="Endpoints: what serves, what scales it, and a request by hand.", no_args_is_help=True)

EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="`mlp endpoints list` has the names.")]
WatchOption = Annotated[bool, typer.Option("--watch", help="Go on, with a line for each change, until Ctrl-C.")]
PayloadOption = Annotated[Path, typer.Option("--payload", metavar="FILE", help="What to send.")]
ContentTypeOption = Annotated[
    str | None, typer.Option("--content-type", help="When not given: by the ending of the payload.")
]
VariantOption = Annotated[str | None, typer.Option("--variant", help="When not given: as the weights say.")]
ComponentOption = Annotated[
    str | None, typer.Option("--component", help="Of an endpoint with inference components: whose model is asked.")
]

_SHOWN, _POLL_SECONDS = 10, 0.5


@app.command("list", epilog=EXIT_CODES_HELP)
def list_endpoints(endpoint_url: EndpointOption = None, aws: AwsOption = False, json: JsonOption = False) -> None:
    """List the endpoints with their instances, copies and warm containers, and the range and policies that scale them."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        rows = Endpoints(target).rows()
        text = endpoints_table(rows) if rows else "no endpoints yet: docs/endpoints.md says how a project gets one"
        out.result({"endpoints": [asdict(row) for row in rows]}, text)


@app.command(epilog=EXIT_CODES_HELP)
def show(
    endpoint: EndpointArgument,
    watch: WatchOption = False,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Show an endpoint and the last activities of its scaling, each with its cause."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        endpoints = Endpoints(target)
        row, activities = endpoints.row(endpoint), endpoints.activities(endpoint)[:_SHOWN]
        document = {**asdict(row), "activities": [asdict(one) for one in activities]}
        out.result(document, endpoints_table([row]), *((_table(activities),) if activities else ()))
        if watch:
            _watch(endpoints, row, out)


@app.command(epilog=EXIT_CODES_HELP)
def invoke(
    endpoint: EndpointArgument,
    payload: PayloadOption,
    content_type: ContentTypeOption = None,
    variant: VariantOption = None,
    component: ComponentOption = None,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Send one request to an endpoint that answers at once, and print the answer."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        body = read_payload(payload)
        whom = _whom(Endpoints(target), endpoint, variant, component)
        answer = target.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint,
            Body=body,
            ContentType=content_type_of(payload) if content_type is None else content_type,
            **whom,
        )
        text = answer["Body"].read().decode("utf-8", errors="replace")
        by = {"variant": answer.get("InvokedProductionVariant"), "component": component}
        out.lines({**by, "content_type": answer["ContentType"], "body": text}, text.splitlines())


def _whom(endpoints: Endpoints, endpoint: str, variant: str | None, component: str | None) -> dict[str, str]:
    endpoints.describe(endpoint)
    if component is None:
        return {} if variant is None else {"TargetVariant": variant}
    refuse_both(variant, component)
    endpoints.require_component(endpoint, component)
    return {"InferenceComponentName": component}


def _watch(endpoints: Endpoints, row: EndpointRow, out: Output) -> None:
    """A line for each change."""
    while True:
        time.sleep(_POLL_SECONDS)
        found = endpoints.row(row.name)
        if found != row:
            cause = next((f"  ({one.cause})" for one in endpoints.activities(row.name)), "")
            out.say(f"{time.strftime('%H:%M:%S')}  {_line(found)}{cause}")
            row = found


def _line(row: EndpointRow) -> str:
    scaled: tuple[VariantRow | ComponentRow, ...] = (*row.variants, *row.components)
    ranges = (f" ({one.minimum} to {one.maximum})" if one.minimum is not None else "" for one in scaled)
    parts = (f"{one.name} {serves_text(one)}{says}" for one, says in zip(scaled, ranges, strict=True))
    return f"{row.name} {row.status}: {'; '.join(parts)}"


def _table(activities: Sequence[Activity]) -> Table:
    table = Table(title="Scaling", title_justify="left")
    for column in ("started", "of", "status", "what", "why"):
        table.add_column(column, overflow="fold")
    for one in activities:
        started = one.started.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(started, one.scaled, one.status, Text(one.description), Text(one.cause))
    return table
