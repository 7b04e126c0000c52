"""`mlp runs lineage` and `mlp runs card`: where a model comes from, what came of it, and what one should know of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from mlp.files import write_whole
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.runs import pictures
from mlp.runs.library import Runs
from mlp.runs.tracing import DEPTH
from mlp.session import session

RunArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL|RUN", help="GROUP/VERSION of a model, or a run as `mlp runs show` takes it."),
]
DepthOption = Annotated[int, typer.Option("--depth", min=1, help="How many levels are followed up, and down.")]
PictureOption = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE", help="Draw it: .svg, .html, or .mmd for Mermaid.")
]
FileOption = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write the Markdown into this file.")]


def lineage(
    run: RunArgument,
    depth: DepthOption = DEPTH,
    picture: PictureOption = None,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Show what a model or a run came from, and what came of it: dataset, job, model version, batch output."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        found = Runs(target).lineage(run, depth=depth)
        if picture is not None:
            pictures.save(picture, found)
            out.say(f"drawn in {picture}")
        out.result(found.document, pictures.tree(found))
        if found.is_cut:
            out.say("there is more than this: say --depth, or look at the lineage of a run at its end")


def card(
    run: RunArgument,
    to: FileOption = None,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Write a model card in Markdown, from records only."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        runs = Runs(target)
        record = runs.get(run)
        text = runs.card(record.run_id)
        if to is not None:
            write_whole(to, text)
            out.say(f"written to {to}")
            out.result({"run_id": record.run_id, "file": str(to)})
        elif out.console.is_terminal:
            out.result({"run_id": record.run_id, "card": text}, Markdown(text))
        else:
            out.lines({"run_id": record.run_id, "card": text}, text.splitlines())
