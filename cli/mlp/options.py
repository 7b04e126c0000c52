"""The options that every command shares."""

from __future__ import annotations

from typing import Annotated

import typer

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON document; progress stays on stderr.")
]
EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint-url",
        envvar="AWS_ENDPOINT_URL",
        metavar="URL",
        help="Talk to this endpoint. When not given: the engine of this directory, then AWS.",
    ),
]
AwsOption = Annotated[bool, typer.Option("--aws", help="Talk to AWS even if this directory has an engine.")]
