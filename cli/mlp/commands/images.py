"""`mlp images`: which local environment stands for which image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import mllocal
from mllocal.images import register as register_image
from mlp.options import JsonOption
from mlp.output import reporting
from mlp.target import engine_error, engine_home

app = typer.Typer(help="Images of the embedded AWS, which has no Docker.", no_args_is_help=True)

ImageArgument = Annotated[str, typer.Argument(metavar="REPOSITORY:TAG", help="The image, as pipelines name it.")]
DirectoryArgument = Annotated[
    Path, typer.Argument(metavar="DIRECTORY", help="A directory with a locked requirements.txt.")
]


@app.command()
def register(image: ImageArgument, directory: DirectoryArgument, json: JsonOption = False) -> None:
    """Let an image stand for an environment of your own: a directory with a locked requirements.txt.

    Written to images.toml beside the engine's .mlp/; a running engine sees it at once and builds it at its first use.
    """
    with reporting(as_json=json) as out:
        home = engine_home(Path.cwd()) or Path.cwd()
        try:
            path = register_image(image, directory, at=home)
        except mllocal.EngineError as error:
            raise engine_error(error) from error
        out.result({"image": image, "directory": str(directory), "file": str(path)}, f"{image} is registered in {path}")
