"""`mlp ui`: MLflow in a browser."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.session import session

AppOption = Annotated[str | None, typer.Option("--app", help="The MLflow app, when the account has several.")]
OpenOption = Annotated[bool, typer.Option("--open/--no-open", help="Open the browser; only done on a terminal.")]


def ui(
    app: AppOption = None,
    open_browser: OpenOption = True,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Print the address of MLflow and open it. On AWS it is a link signed for you: do not pass it on."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        url = target.experiments_url(app)
        opened = open_browser and not json and out.console.is_terminal and webbrowser.open(url)
        out.lines({"url": url}, [url])
        if opened:
            out.say("opened in the browser")
