"""The `mlp` command: what there is, and nothing else."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from mlp.commands import (
    archives,
    backfill,
    endpoints,
    engine,
    experiments,
    images,
    lineage,
    loadtest,
    logs,
    models,
    pipelines,
    record,
    reproduce,
    runs,
    scaling,
)
from mlp.errors import EXIT_CODES_HELP

_HELP = """The ML platform on the command line.

The same commands work against AWS and against the embedded AWS of this directory (`mlp up`)."""

app = typer.Typer(
    name="mlp",
    help=_HELP,
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_ENGINE, _RUNS, _MODELS, _ENDPOINTS = "The embedded AWS", "Pipelines", "Models and experiments", "Endpoints"
for _command, _panel in (
    (engine.up, _ENGINE),
    (engine.down, _ENGINE),
    (engine.status, _ENGINE),
    (pipelines.pipelines, _RUNS),
    (pipelines.run, _RUNS),
    (pipelines.watch, _RUNS),
    (pipelines.stop, _RUNS),
    (backfill.backfill, _RUNS),
    (logs.logs, _RUNS),
    (models.approve, _MODELS),
    (reproduce.reproduce, _MODELS),
    (experiments.ui, _MODELS),
    (loadtest.loadtest, _ENDPOINTS),
):
    app.command(rich_help_panel=_panel, epilog=EXIT_CODES_HELP)(_command)

runs.app.command(epilog=EXIT_CODES_HELP)(lineage.lineage)
runs.app.command(epilog=EXIT_CODES_HELP)(lineage.card)
runs.app.command("export", epilog=EXIT_CODES_HELP)(archives.export_runs)
runs.app.command("import", epilog=EXIT_CODES_HELP)(archives.import_runs)
app.add_typer(runs.app, name="runs", rich_help_panel=_MODELS)
app.add_typer(images.app, name="images", rich_help_panel=_ENGINE)
app.add_typer(record.app, name="record", rich_help_panel=_MODELS)
app.add_typer(endpoints.app, name="endpoints", rich_help_panel=_ENDPOINTS)
app.add_typer(scaling.app, name="scaling", rich_help_panel=_ENDPOINTS)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mlp {version('mlplatform')}")
        raise typer.Exit


@app.callback(help=_HELP)
def main(
    show_version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
) -> None:
    """Hold the options of `mlp` itself."""
