"""What a model card is written from: a version, what it came from, what evaluated it, and the version before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlp.runs.lineage import Lineage
from mlrecords.observations import Observation, record_of
from mlrecords.record import RunRecord

if TYPE_CHECKING:
    from mlp.runs.rows import Found
    from mlrecords.store import RecordStore

_MODEL = "model-package"


@dataclass(frozen=True, kw_only=True)
class Version:
    """A run, its lineage, and the jobs of its execution that read what was trained: they evaluate it."""

    record: RunRecord
    lineage: Lineage
    evaluated_by: Sequence[RunRecord] = ()

    @property
    def runs(self) -> list[RunRecord]:
        """The record and what it came from, the nearest first, up to model versions: those have cards of their own."""
        found, waiting = {self.record.run_id: self.record}, [self.record.run_id]
        for run_id in iter(waiting):
            for edge in self.lineage.above(run_id):
                above = self.lineage.nodes[edge.source].record
                if above is not None and above.run_id not in found and above.identity.kind != _MODEL:
                    found[above.run_id] = above
                    waiting.append(above.run_id)
        return list(found.values())

    @property
    def trained_by(self) -> RunRecord:
        """The nearest training job or script, or else the run itself."""
        return next((one for one in self.runs if one.identity.kind in ("training-job", "script")), self.record)


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card is written from: a version with its observations, and the version before it, if there is one."""

    version: Version
    observations: Sequence[Observation]
    previous: Version | None = None

    @property
    def record(self) -> RunRecord:
        """What the card is of."""
        return self.version.record

    @property
    def lineage(self) -> Lineage:
        """Of what the card is of."""
        return self.version.lineage

    @property
    def runs(self) -> list[RunRecord]:
        """The record, and what it came from."""
        return self.version.runs

    @property
    def trained_by(self) -> RunRecord:
        """What trained it."""
        return self.version.trained_by


def _evaluations(lineage: Lineage) -> list[RunRecord]:
    """The jobs of the root's execution that read what it made; a later execution's may measure the model on other data."""
    trained = lineage.nodes[lineage.root].record
    readers = (lineage.nodes[edge.target].record for edge in lineage.below(lineage.root))
    return [
        one for one in readers if one is not None and trained is not None and _executions(one) & _executions(trained)
    ]


def _executions(record: RunRecord) -> set[str]:
    return {run_id for run_id, parent in record.parents.items() if parent.relation == "execution"}


@dataclass(frozen=True, kw_only=True)
class _Gathering:
    """What the store says, as `Runs` asks it."""

    store: RecordStore
    find: Callable[[str], Found]
    lineage_of: Callable[..., Lineage]

    def version(self, record: RunRecord) -> Version:
        version = Version(record=record, lineage=self.lineage_of(record.run_id))
        return replace(version, evaluated_by=_evaluations(self.lineage_of(version.trained_by.run_id, depth=1)))

    def version_before(self, record: RunRecord) -> RunRecord | None:
        """The model version with the next lower number in the same group; None for the first, and for what is no model version."""
        group, _, version = (record.identity.arn or "").rpartition("/")
        if record.identity.kind != _MODEL or not version.isdigit():
            return None
        rows = self.find(f"kind = '{_MODEL}' and arn like '{group}/%'").rows
        versions = {
            int(row["arn"].rpartition("/")[2]): str(row["run_id"])
            for row in rows
            if row["arn"].rpartition("/")[0] == group
        }
        lower = [number for number in versions if number < int(version)]
        return self.store.record(versions[max(lower)]) if lower else None


def facts_of(
    run_id: str, *, store: RecordStore, find: Callable[[str], Found], lineage_of: Callable[..., Lineage]
) -> CardFacts:
    """Gather them. `find` and `lineage_of` answer as `Runs.find` and `Runs.lineage` do."""
    gathering = _Gathering(store=store, find=find, lineage_of=lineage_of)
    stored = store.run(run_id)
    record = record_of(stored.record or {})
    before = gathering.version_before(record)
    return CardFacts(
        version=gathering.version(record),
        observations=stored.observations,
        previous=None if before is None else gathering.version(before),
    )
