"""From what a person names to the recorded runs that made it, from the store alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from mlp.errors import CliError, ExitCode
from mlrecords.observations import run_id_of
from mlrecords.record import RunRecord
from mlrecords.rows import Row
from mlrecords.store import RecordStore, RunNotFoundError

JOB_KINDS = frozenset({"processing-job", "training-job", "transform-job"})
_WAYS_UP = frozenset({"execution", "job", "tuning"})
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"(?P<group>[A-Za-z0-9][\w-]*)/(?P<version>\d+)")

Children = Callable[[str], Iterable[Row]]
"""The rows of the runs that came from a run, as `mlp.runs.Runs.children` finds them."""


def run_id_named(name: str, *, account: str, region: str) -> str:
    """The run meant by a run id, an ARN, or `group/version` of a model package of this account and region. Raises CliError."""
    if _RUN_ID.fullmatch(name):
        return name
    if name.startswith("arn:"):
        return run_id_of(name)
    model = _MODEL.fullmatch(name)
    if model is None:
        fix = "give a run id (32 hexadecimal digits), an ARN, or a model version as GROUP/VERSION"
        raise CliError(f"'{name}' is neither a run nor a model version", fix=fix, exit_code=ExitCode.BAD_INPUT)
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return run_id_of(f"arn:{partition}:sagemaker:{region}:{account}:model-package/{model['group']}/{model['version']}")


def recorded(store: RecordStore, run_id: str) -> RunRecord:
    """The record. Raises CliError when there is none."""
    try:
        return store.record(run_id)
    except RunNotFoundError as error:
        fix = "a run appears some seconds after it started; see `mlp runs list`"
        raise CliError(str(error).split(";")[0], fix=fix, exit_code=ExitCode.NOT_FOUND) from error


def jobs_behind(store: RecordStore, children: Children, record: RunRecord) -> tuple[RunRecord, ...]:
    """The jobs to run again for a job, an execution or a model version, in the order in which they ran. Raises CliError.

    For a model version: those of the execution that registered it, or else the job that it came from. Of a tuning job, the training
    jobs whose model something else read.
    """
    if record.identity.kind in JOB_KINDS:
        return _checked(record, [record])
    if record.identity.kind == "model-package":
        return _behind_model(store, children, record)
    if record.identity.kind == "pipeline-execution":
        return _checked(record, _needed(_below(store, children, record.run_id), frozenset()))
    fix = "reproduce the pipeline execution, job or script that it belongs to"
    raise CliError(f"a {record.identity.kind} cannot be run again by itself", fix=fix, exit_code=ExitCode.BAD_INPUT)


def _behind_model(store: RecordStore, children: Children, model: RunRecord) -> tuple[RunRecord, ...]:
    by_relation = {parent.relation: run_id for run_id, parent in model.parents.items()}
    if "execution" in by_relation:
        wanted = frozenset(data.uri for data in model.outputs.values())
        return _checked(model, _needed(_below(store, children, by_relation["execution"]), wanted))
    if "job" in by_relation:
        return _checked(model, [recorded(store, by_relation["job"])])
    fix = "reproduce the job that trained it"
    raise CliError("the record of the model version does not say what made it", fix=fix, exit_code=ExitCode.NOT_FOUND)


def _below(store: RecordStore, children: Children, run_id: str) -> list[RunRecord]:
    """The jobs of an execution, also those whose results its steps took from an earlier execution."""
    found: dict[str, RunRecord] = {}
    waiting = [run_id]
    while waiting:
        parent = waiting.pop()
        below = [row["run_id"] for row in children(parent) if row["parents"][parent] in _WAYS_UP]
        new = [child for child in below if child not in found]
        found |= {child: recorded(store, child) for child in new}
        waiting += new
    steps = [record for record in found.values() if record.identity.kind == "pipeline-step"]
    jobs = {parent for step in steps for parent, link in step.parents.items() if link.relation == "job"}
    cached = [recorded(store, job) for job in sorted(jobs - found.keys())]
    return [record for record in (*found.values(), *cached) if record.identity.kind in JOB_KINDS]


def _needed(jobs: list[RunRecord], wanted: frozenset[str]) -> list[RunRecord]:
    """Without the training jobs of a tuning job that nothing came of."""
    read = wanted | {data.uri for job in jobs for data in job.inputs.values()}
    return [
        job
        for job in jobs
        if all(parent.relation != "tuning" for parent in job.parents.values())
        or any(data.uri.startswith(uri) or uri.startswith(data.uri) for data in job.outputs.values() for uri in read)
    ]


def _checked(asked: RunRecord, jobs: list[RunRecord]) -> tuple[RunRecord, ...]:
    completed = [job for job in jobs if job.status.state == "Completed"]
    if not completed:
        cause = f"{asked.identity.kind} {asked.identity.name} has no job that completed: there is nothing to run again"
        raise CliError(cause, fix="choose a run that completed", exit_code=ExitCode.BAD_INPUT)
    without = [job.identity.name for job in completed if not job.request]
    if without:
        cause = f"the records of {', '.join(without)} do not hold what was asked for (`request`)"
        raise CliError(cause, fix="see `mlp record check`", exit_code=ExitCode.BAD_INPUT)
    never = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(completed, key=lambda job: job.status.started_at or job.identity.created_at or never))
