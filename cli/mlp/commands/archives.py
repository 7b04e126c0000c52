"""`mlp runs export` and `mlp runs import`: runs from one store to another."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlp.errors import bad_input
from mlp.files import refuse_unwritable
from mlp.options import AwsOption, EndpointOption, JsonOption
from mlp.runs.archive.checking import check
from mlp.runs.archive.exporting import export
from mlp.runs.archive.importing import take_in
from mlp.runs.library import Runs
from mlp.session import session
from mlp.target import record_store

RunsArgument = Annotated[list[str], typer.Argument(metavar="RUN...", help="The runs, as `mlp runs show` takes them.")]
ToArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A new file, such as runs.zip.")]
AncestorsOption = Annotated[
    bool,
    typer.Option(
        "--with-lineage", help="Also every run that these came from, so that they can be reproduced elsewhere."
    ),
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="What `mlp runs export` wrote.")]
CheckOption = Annotated[bool, typer.Option("--check", help="Only look whether the archive is whole; nothing is sent.")]


def export_runs(
    runs: RunsArgument,
    to: ToArgument,
    with_lineage: AncestorsOption = False,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Write runs into one file, an RO-Crate: records, all that was observed, diffs, listings and local files."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        refuse_unwritable(to)
        library = Runs(target)
        run_ids = [library.resolve(run) for run in runs]
        if with_lineage:
            run_ids += [record.run_id for run_id in run_ids for record in library.lineage(run_id).ancestors()]
        try:
            done = export(library.store, run_ids, to)
        except FileExistsError as error:
            raise bad_input([f"{to} is there already"], fix="name a new file, or delete it") from error
        for sentence in done.missing:
            out.say(f"not in the archive: {sentence}")
        out.result({"file": str(to), **asdict(done)}, f"{to}: {len(done.run_ids)} runs in {done.files} files")


def import_runs(
    file: FileArgument,
    check_only: CheckOption = False,
    endpoint_url: EndpointOption = None,
    aws: AwsOption = False,
    json: JsonOption = False,
) -> None:
    """Take the runs of an archive into this store, as they are: their records have the same digests."""
    with session(endpoint_url=endpoint_url, aws=aws, json=json) as (target, out):
        checked = check(file)
        summary = f"{len(checked.runs)} runs, {len(checked.blobs)} contents: all digests are right"
        if check_only:
            out.result({"runs": [run.run_id for run in checked.runs], "imported": False}, f"{file}: {summary}")
            return
        out.say(summary)
        done = take_in(checked, record_store(target), target.client("events"), say=out.say)
        more = sum(not one.is_same for one in done)
        said = f"{len(done)} runs imported, {len(done) - more} with the very same record"
        known = f"; of the other {more} this store knew more than the archive" if more else ""
        out.result({"runs": [asdict(one) for one in done], "imported": True}, said + known)
