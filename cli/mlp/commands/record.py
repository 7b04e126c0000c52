"""`mlp record`: what the record of a run holds, and what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlp.errors import CliError, ExitCode
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.probing import DEFAULT_INSTANCE_TYPE, probe_image
from mlp.recorded import find_record
from mlp.session import session
from mlp.target import record_store
from mlrecords.required import advice, missing, share

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlrecords.record import RunRecord

app = typer.Typer(help="Records of runs: what they lack to be reproducible.", no_args_is_help=True)

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run's id, the ARN of a job, execution or model version, or a model package group (its newest version), GROUP/VERSION.",
    ),
]
InstanceTypeOption = Annotated[str, typer.Option("--instance-type", help="What the probe runs on.")]


@app.command()
def check(
    run: RunArgument, endpoint_url: EndpointOption = None, aws: AwsOption = False, json: JsonOption = False
) -> None:
    """Say what a run lacks so that somebody else can run it again. The exit code is 1 if it lacks something that is required."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        record = find_record(target, record_store(target), run)
        lacking = missing(record)
        document = {
            "run_id": record.run_id,
            "kind": record.identity.kind,
            "name": record.identity.name,
            "state": record.status.state,
            "share_of_required_fields": round(share(record), 4),
            "missing": list(lacking),
            "advice": list(advice(record)),
        }
        out.result(document, *_text(record))
        if lacking:
            raise typer.Exit(ExitCode.RUN_FAILED)


@app.command()
def probe(
    run: RunArgument,
    instance_type: InstanceTypeOption = DEFAULT_INSTANCE_TYPE,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Look into the image of a run, once for all runs with that image: a job of a minute lists its Python and packages.

    Needed for images whose labels do not say it, such as AWS's own. It runs with the role, network and key of the run.
    """
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        store = record_store(target)
        record = find_record(target, store, run)
        image = record.environment.image
        if image is None or image.digest is None:
            raise CliError(
                f"the image of run {record.run_id} has no digest",
                fix="there is nothing to look into: probe a run whose `mlp record check` does not say so",
                exit_code=ExitCode.NOT_FOUND,
            )
        known = store.environment(image.digest)
        found = known or probe_image(target, out, record, image, instance_type)
        store.keep_environment(image.digest, found)
        document = {"image": image.uri, "digest": image.digest, **found}
        out.result(document, f"{image.uri}: Python {found['python']}, {len(found['packages'])} packages")


def _text(record: RunRecord) -> list[RenderableType]:
    lacking = missing(record)
    verdict = "has all that is required" if not lacking else f"has {share(record):.0%} of what is required, and lacks:"
    return [
        f"{record.identity.kind} {record.identity.name} ({record.status.state}) {verdict}",
        *(f"  - {sentence}" for sentence in lacking),
        *(f"  advice: {sentence}" for sentence in advice(record)),
    ]
