"""Which run is meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlp.commands.models import choose_version
from mlp.errors import CliError, ExitCode
from mlp.sagemaker import SageMaker
from mlrecords.observations import run_id_of
from mlrecords.store import RecordStore, RunNotFoundError

if TYPE_CHECKING:
    from mlp.target import Target
    from mlrecords.record import RunRecord

_RUN_ID = re.compile(r"[0-9a-f]{32}")


def find_record(target: Target, store: RecordStore, name: str) -> RunRecord:
    """The record meant by a run id, an ARN, `GROUP` or `GROUP/VERSION`. Raises CliError when there is none."""
    run_id = _run_id(target, name)
    try:
        return store.record(run_id)
    except RunNotFoundError as error:
        raise CliError(
            f"the experiment store of {target.label} has no record of '{name}' (run {run_id})",
            fix="`mlp runs list` shows the runs it has; a job that started before the store was deployed comes with the nightly "
            "reconciliation",
            exit_code=ExitCode.NOT_FOUND,
        ) from error


def _run_id(target: Target, name: str) -> str:
    if _RUN_ID.fullmatch(name):
        return name
    if name.startswith("arn:"):
        return run_id_of(name)
    group, _, version = name.partition("/")
    if version and not version.isdigit():
        raise CliError(
            f"'{name}' is no run id, ARN or model version",
            fix="give 32 hexadecimal digits, an ARN, a model package group, or GROUP/VERSION such as demand-forecast/3",
            exit_code=ExitCode.BAD_INPUT,
        )
    versions = SageMaker(target).model_versions(group)
    return run_id_of(choose_version(group, versions, int(version) if version else None).arn)
