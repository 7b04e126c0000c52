"""`mlp reproduce`: run a recorded run again, and judge."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from mlp.errors import CliError, ExitCode
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.output import Output
from mlp.reproduce.lineage import run_id_named
from mlp.reproduce.report import write_back
from mlp.reproduce.run import Reproduction
from mlp.runs import Runs
from mlp.session import session
from mlp.target import Target

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN|MODEL", help="A run id, an ARN, or a model version as GROUP/VERSION.")
]
AsRecordedOption = Annotated[
    bool,
    typer.Option(
        "--as-recorded", help="Run on the recorded versions even if names of data or images mean something else by now."
    ),
]
KeepOption = Annotated[
    Path | None,
    typer.Option("--keep", metavar="DIR", help="Do it in this new directory and keep it; otherwise nothing is left."),
]


def reproduce(
    run: RunArgument,
    as_recorded: AsRecordedOption = False,
    keep: KeepOption = None,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Run a recorded run or the jobs behind a model again from the store alone, and say whether it comes out the same.

    Exit code 1: not reproduced. The report is kept in the store as a run of its own.
    """
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        runs = Runs(target)
        run_id = run_id_named(run, account=_account(target), region=str(target.client("s3").meta.region_name))
        with _directory(keep) as directory, _progress(out) as progress:
            reproduction = Reproduction(
                target=target,
                store=runs.store,
                children=runs.children,
                directory=directory,
                here=Path.cwd(),
                as_recorded=as_recorded,
                say=progress,
            )
            report = reproduction.of(run_id)
        out.result(report.document, Markdown(report.markdown))
        write_back(report, runs.store, target.client("events"))
        out.say(f"kept in the store as run {report.run_id}")
    if not report.verdict.is_reproduced:
        raise typer.Exit(ExitCode.RUN_FAILED)


def _account(target: Target) -> str:
    return str(target.client("sts").get_caller_identity()["Account"])


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="mlp-reproduce-", ignore_cleanup_errors=True) as directory:
            yield Path(directory)
        return
    if keep.exists() and any(keep.iterdir()):
        fix = "give a directory that is empty or not there yet"
        raise CliError(f"{keep} is not empty", fix=fix, exit_code=ExitCode.BAD_INPUT)
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.resolve()


@contextmanager
def _progress(out: Output) -> Iterator[Callable[[str], None]]:
    """Lines on stderr, with a spinner on a terminal while the last one is under way."""
    if not out.is_live:
        yield out.say
        return
    with out.progress.status("") as status:

        def say(line: str) -> None:
            out.say(line)
            status.update(line)

        yield say
