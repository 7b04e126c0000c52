"""`mlp reproduce` without its command line: from a run id to a report."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlp.errors import CliError, ExitCode
from mlp.reproduce import lineage, repository
from mlp.reproduce.jobs import Jobs
from mlp.reproduce.judge import Judge, Subject
from mlp.reproduce.pinned import Pins, split
from mlp.reproduce.places import NewPrefix, Place, PrivateEngine
from mlp.reproduce.report import Report, now
from mlp.reproduce.script import Script
from mlp.target import AwsTarget, Target
from mlrecords.record import RunRecord
from mlrecords.store import RecordStore


@dataclass(kw_only=True)
class Reproduction:
    """What is to be done.

    Attributes:
        children: finds the jobs of an execution.
        directory: empty; everything is made in it.
        here: where whoever asks is, which may be the repository of the script.
        as_recorded: whether to run on what the record pins even if its names mean something else by now.
    """

    target: Target
    store: RecordStore
    children: lineage.Children
    directory: Path
    here: Path
    as_recorded: bool = False
    say: Callable[[str], None] = lambda line: None

    def of(self, run_id: str) -> Report:
        """Run it again and judge; the report is also left in the directory. Raises CliError for what is no run of that kind."""
        record = lineage.recorded(self.store, run_id)
        if record.status.state in ("Failed", "Stopped", "InProgress"):
            cause = f"run {record.identity.name} is {record.status.state}: only what completed can be compared"
            raise CliError(cause, fix="choose a run that completed", exit_code=ExitCode.BAD_INPUT)
        started = now()
        ran = (record,) if record.identity.kind == "script" else lineage.jobs_behind(self.store, self.children, record)
        judge = Judge(subject=self._subject(record, ran), as_recorded=self.as_recorded, say=self.say)
        by = str(self.target.client("sts").get_caller_identity()["Arn"])
        report = Report(record=record, verdict=judge.verdict(), ran=ran, started_at=started, ended_at=now(), by=by)
        (self.directory / "report.json").write_text(json.dumps(report.document, indent=2) + "\n")
        (self.directory / "report.md").write_text(report.markdown)
        return report

    def _subject(self, record: RunRecord, ran: tuple[RunRecord, ...]) -> Subject:
        roots = tuple(repository.work_trees(record.code, self.here))
        pins = Pins(self.store, self.target.client("s3"), roots)
        if record.identity.kind == "script":
            subject: Subject = Script(record=record, pins=pins, directory=self.directory, here=self.here, say=self.say)
        else:
            subject = Jobs(records=ran, pins=pins, place=self._place(ran), ecr=self.target.client("ecr"), say=self.say)
        if not subject.recorded.metrics and not subject.recorded.outputs:
            cause = (
                f"run {record.identity.name} has neither metrics nor outputs in its record: there is nothing to compare"
            )
            raise CliError(cause, fix="see `mlp record check`", exit_code=ExitCode.BAD_INPUT)
        return subject

    def _place(self, ran: tuple[RunRecord, ...]) -> Callable[[int], Place]:
        """On AWS under a new prefix beside the jobs' own outputs; otherwise in an engine of its own."""
        if not isinstance(self.target, AwsTarget):
            home = Path(str(getattr(self.target, "status", {}).get("state_directory", self.here))).parent
            return lambda number: PrivateEngine(self.directory / f"run-{number}", ran[0].identity, home)
        uri = next((data.uri for job in ran for data in job.outputs.values()), None)
        if uri is None:
            cause = f"the record of {ran[0].identity.name} names no output, so there is no bucket to write to"
            raise CliError(cause, fix="see `mlp record check`", exit_code=ExitCode.BAD_INPUT)
        bucket, _ = split(uri)
        token, names = uuid.uuid4().hex[:8], frozenset(job.identity.name for job in ran)
        return lambda number: NewPrefix(
            target=self.target,
            prefix=f"s3://{bucket}/reproductions/{token}-{number}",
            suffix=f"{token}-{number}",
            names=names,
        )
