"""The report on a reproduction: as JSON, as markdown, and as an observation of a run of its own in the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlp.errors import CliError, ExitCode
from mlp.reproduce.verdict import MetricComparison, OutputComparison, Verdict
from mlrecords.canonical import canonical, digest
from mlrecords.observations import Observation, facts_of, order_of, run_id_of
from mlrecords.record import Data, Identity, Metric, Parent, RunRecord, Status
from mlrecords.sending import RefusedError, send
from mlrecords.store import RecordStore


@dataclass(frozen=True, kw_only=True)
class Report:
    """A verdict on a recorded run, with when and by whom it was made, and what was run for it."""

    record: RunRecord
    verdict: Verdict
    ran: tuple[RunRecord, ...]
    started_at: datetime
    ended_at: datetime
    by: str

    @property
    def run_id(self) -> str:
        """Of the child run that keeps this report."""
        return run_id_of(f"{self.record.run_id}/reproduction/{self.started_at.isoformat()}/{self.by}")

    @property
    def document(self) -> dict[str, Any]:
        """The report as plain JSON."""
        verdict = self.verdict
        return {
            "verdict": verdict.title,
            "reproduced": verdict.is_reproduced,
            "cause": verdict.cause,
            "sentences": list(verdict.sentences),
            "findings": [{"cause": one.cause, "sentence": one.sentence} for one in verdict.findings],
            "checked": list(verdict.checked),
            "metrics": [_metric(one) for one in verdict.metrics],
            "outputs": [_output(one) for one in verdict.outputs],
            "runs": verdict.runs,
            "run_id": self.record.run_id,
            "name": self.record.identity.name,
            "kind": self.record.identity.kind,
            "jobs": [one.identity.name for one in self.ran],
            "reproduction": self.run_id,
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "by": self.by,
        }

    @property
    def markdown(self) -> str:
        """The report for people."""
        verdict = self.verdict
        lines = [f"# {self.record.identity.name}: {verdict.title}", "", *(f"- {one}" for one in verdict.sentences), ""]
        lines += [
            f"{self.record.identity.kind} `{self.record.run_id}`, {_times(verdict.runs)} on {self.started_at:%Y-%m-%d} by {self.by}.",
            "",
        ]
        if verdict.metrics:
            rows = [(one.name, f"{one.recorded!r}", f"{one.now!r}", _said(one)) for one in verdict.metrics]
            lines += [*_table(("metric", "recorded", "now", "verdict"), rows), ""]
        if verdict.outputs:
            outputs = [
                (one.name, one.recorded[:19], (one.now or "missing")[:19], _said(one)) for one in verdict.outputs
            ]
            lines += [*_table(("output", "recorded", "now", "verdict"), outputs), ""]
        lines += ["What was looked at:", "", *(f"- {one}" for one in verdict.checked), ""]
        return "\n".join(lines)


def write_back(report: Report, store: RecordStore, events: Any) -> None:
    """Have the store keep the report as a run of kind `reproduction` that `reproduces` its parent. Raises CliError."""
    try:
        send(events, observation_of(report, store))
    except RefusedError as error:
        fix = "ask for the right to call events:PutEvents on the default bus"
        raise CliError(f"the report is not in the store: {error}", fix=fix, exit_code=ExitCode.NOT_FOUND) from error


def observation_of(report: Report, store: RecordStore) -> Observation:
    """The child run; the report itself becomes two blobs of the store."""
    parent, verdict = report.record.identity, report.verdict
    contents = {"report.json": canonical(report.document), "report.md": report.markdown.encode()}
    reports = {name: _kept(store, content) for name, content in contents.items()}
    facts = facts_of(
        {
            "identity": Identity(
                kind="reproduction",
                name=f"reproduction of {parent.name}",
                project=parent.project,
                account=parent.account,
                region=parent.region,
                created_at=report.started_at,
                created_by=report.by,
            ),
            "status": Status(
                state="Completed",
                started_at=report.started_at,
                ended_at=report.ended_at,
                failure_reason=None if verdict.is_reproduced else f"{verdict.title}: {verdict.sentences[0]}",
            ),
            "parents": {report.record.run_id: Parent(relation="reproduces", arn=parent.arn, name=parent.name)},
            "metrics": {one.name: Metric(value=one.now) for one in verdict.metrics if one.now is not None},
            "outputs": reports,
            "tags": {"verdict": verdict.title, **({"cause": str(verdict.cause)} if verdict.cause else {})},
        }
    )
    moment = order_of(int(report.ended_at.timestamp() * 1000), decided=True)
    return Observation(run_id=report.run_id, source="reproduce", order=moment, facts=facts)


def now() -> datetime:
    """The present moment."""
    return datetime.now(tz=UTC)


def _times(runs: int) -> str:
    return {0: "not run", 1: "run once"}.get(runs, f"run {runs} times")


def _kept(store: RecordStore, content: bytes) -> Data:
    name = store.keep(content)
    hexadecimal = digest(content).removeprefix("sha256:")
    uri = f"s3://{store.bucket}/blobs/{hexadecimal[:2]}/{hexadecimal}"
    return Data(uri=uri, version=name, object_count=1, size_bytes=len(content))


def _metric(one: MetricComparison) -> dict[str, Any]:
    learned = one.interval
    interval = None if learned is None else [learned.centre - learned.half_width, learned.centre + learned.half_width]
    return {"name": one.name, "recorded": one.recorded, "now": one.now, "interval": interval, "same": one.is_same}


def _output(one: OutputComparison) -> dict[str, Any]:
    return {"name": one.name, "recorded": one.recorded, "now": one.now, "equal": one.is_equal, "varies": one.varies}


def _said(one: MetricComparison | OutputComparison) -> str:
    if isinstance(one, OutputComparison):
        return "equal" if one.is_equal else "varies by itself" if one.varies else "differs"
    if one.now == one.recorded:
        return "equal"
    return "within its noise" if one.is_same else "differs"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, tuple("---" for _ in head), *rows)]
