"""Following runs up and down. They are linked by the parents that their records name, and by data: a job that reads what another wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlp.runs.lineage import DATA, UNRECORDED, Edge, Lineage, Node
from mlrecords.record import Data, Parent, RunRecord
from mlrecords.store import RecordStore, RunNotFoundError

if TYPE_CHECKING:
    from mlp.runs.rows import Found

DEPTH = 8
"""Levels that are followed in each direction, unless said otherwise: two generations of a pipeline that trains."""
MOST_RUNS = 500
"""Runs that are followed of each level, the newest."""
_BOOKKEEPING = "pipeline-step"
# What these say of data, a job said when it wrote it.
_WRITE_NOTHING = ("model-package", "endpoint", "pipeline-execution", "tuning-job", _BOOKKEEPING)
_READERS = 10
_NEVER = datetime.min.replace(tzinfo=UTC)


def trace(
    record: RunRecord, *, store: RecordStore, find: Callable[..., Found], depth: int = DEPTH, most: int = MOST_RUNS
) -> Lineage:
    """Follow a run up and down. `find` answers a query with rows, as `Runs.find` does."""
    traced = _Trace(store, find, most, records={record.run_id: record})
    ups = traced.follow(record, traced.above, depth)
    downs = traced.follow(record, traced.below, depth)
    edges = traced.edges | {edge for one in ups for edge in traced.sources(one)}
    edges |= {edge for one in downs for edge in traced.results(one)}
    return Lineage(
        root=record.run_id,
        nodes={node.id: node for node in traced.nodes(record.run_id, edges)},
        edges=tuple(sorted(edge for edge in edges if not _is_implied(edge, edges, traced.records))),
        is_cut=traced.is_cut,
    )


@dataclass
class _Trace:
    store: RecordStore
    find: Callable[..., Found]
    most: int
    records: dict[str, RunRecord]
    edges: set[Edge] = field(default_factory=set)
    data: dict[str, Data] = field(default_factory=dict)
    is_cut: bool = False

    def follow(
        self, start: RunRecord, step: Callable[[list[RunRecord]], list[RunRecord]], depth: int
    ) -> list[RunRecord]:
        """The runs that are reached, the start included."""
        reached = {start.run_id: start}
        level = [start]
        for _ in range(depth):
            level = [one for one in step(level) if one.run_id not in reached]
            reached |= {one.run_id: one for one in level}
            if not level:
                break
        self.is_cut |= bool(level)
        return list(reached.values())

    def above(self, level: list[RunRecord]) -> list[RunRecord]:
        """What the runs of a level came from."""
        parents = {run_id for one in level for run_id in one.parents}
        found = self._found(parents, "run_id", "output.uri", [data for one in level for data in _read(one).values()])
        self.edges |= {edge for one in level for edge in _parent_edges(one)}
        made = [edge for one in level for edge in _data_edges(found, one)]
        self.edges |= set(made)
        wanted = parents | {edge.source for edge in made}
        return [one for one in found if one.run_id in wanted]

    def below(self, level: list[RunRecord]) -> list[RunRecord]:
        """What came of the runs of a level."""
        ids = {one.run_id for one in level}
        written = [data for one in level if _writes(one) for data in one.outputs.values()]
        found = self._found(ids, "parent", "data.uri", written)
        made = {edge for one in found for edge in (*_parent_edges(one), *_data_edges(level, one)) if edge.source in ids}
        self.edges |= made
        wanted = {edge.target for edge in made}
        return [one for one in found if one.run_id in wanted]

    def sources(self, record: RunRecord) -> Iterator[Edge]:
        """Edges from data that the run read and no run known here made."""
        makers = [
            self.records[edge.source] for edge in self.edges if edge.target == record.run_id and self._has(edge.source)
        ]
        for name, data in record.inputs.items():
            if not any(_is_same(made, data) for maker in makers for made in maker.outputs.values()):
                yield Edge(self._add(data), record.run_id, DATA, name)

    def results(self, record: RunRecord) -> Iterator[Edge]:
        """Edges to data that the run wrote and no run known here read."""
        readers = [self.records[edge.target] for edge in self.edges if edge.source == record.run_id]
        for name, data in record.outputs.items() if _writes(record) else ():
            if not any(_is_same(data, read) for reader in readers for read in _read(reader).values()):
                yield Edge(record.run_id, self._add(data), DATA, name)

    def nodes(self, root: str, edges: Iterable[Edge]) -> Iterator[Node]:
        """The root, and a node for each end of an edge."""
        parents = {run_id: parent for record in self.records.values() for run_id, parent in record.parents.items()}
        ends = {end for edge in edges for end in (edge.source, edge.target)}
        for end in sorted({root, *ends}):
            if self._has(end):
                record = self.records[end]
                yield Node(id=end, kind=record.identity.kind, name=record.identity.name, record=record)
            elif end in self.data:
                yield Node(id=end, kind=DATA, name=self.data[end].uri, data=self.data[end])
            else:
                yield Node(id=end, kind=UNRECORDED, name=_called(end, parents[end]))

    def _has(self, run_id: str) -> bool:
        return run_id in self.records

    def _add(self, data: Data) -> str:
        name = f"{data.uri}@{data.version or ''}"
        self.data.setdefault(name, data)
        return name

    def _found(self, run_ids: set[str], run_field: str, uri_field: str, data: Iterable[Data]) -> list[RunRecord]:
        """The records of runs by their ids and by where their data is."""
        uris = sorted({one.uri for one in data})
        terms = [f"{run_field} in ({_listed(sorted(run_ids))})"] if run_ids else []
        if uris:
            around = sorted({place for uri in uris for place in _around(uri)})
            terms += [f"{uri_field} in ({_listed(around)})"]
            terms += [f"{uri_field} like {_quoted(_place(uri) + '%')}" for uri in uris]
        if not terms:
            return []
        found = self.find(f"({' or '.join(terms)}) and kind != '{_BOOKKEEPING}'", limit=self.most)
        self.is_cut |= found.has_more
        return self._records_of([str(row["run_id"]) for row in found.rows])

    def _records_of(self, run_ids: list[str]) -> list[RunRecord]:
        with ThreadPoolExecutor(_READERS) as pool:
            unknown = [run_id for run_id in run_ids if run_id not in self.records]
            self.records |= {one.run_id: one for one in pool.map(self._record, unknown) if one is not None}
        return [self.records[run_id] for run_id in run_ids if run_id in self.records]

    def _record(self, run_id: str) -> RunRecord | None:
        try:
            return self.store.record(run_id)
        except RunNotFoundError:
            return None  # Deleted since the rows were copied.


def _parent_edges(record: RunRecord) -> Iterator[Edge]:
    return (Edge(run_id, record.run_id, parent.relation) for run_id, parent in record.parents.items())


def _data_edges(makers: Iterable[RunRecord], reader: RunRecord) -> Iterator[Edge]:
    """From those that wrote what a run read; of those that wrote to the same place, the last one before it was read."""
    able = [one for one in makers if _writes(one) and one.run_id != reader.run_id and _was_before(one, reader)]
    able.sort(key=lambda one: one.status.ended_at or _NEVER, reverse=True)
    for name, data in _read(reader).items():
        taken: set[str] = set()
        for maker in able:
            made = [one for one in maker.outputs.values() if _is_same(one, data)]
            places = {_place(one.uri) for one in made}
            if places - taken:
                taken |= places
                yield Edge(maker.run_id, reader.run_id, DATA, name)


def _read(record: RunRecord) -> Mapping[str, Data]:
    """What a run read; a model version is made of the model that it names."""
    return record.outputs if record.identity.kind == "model-package" else record.inputs


def _writes(record: RunRecord) -> bool:
    return record.identity.kind not in _WRITE_NOTHING


def _was_before(maker: RunRecord, reader: RunRecord) -> bool:
    ended, started = maker.status.ended_at, reader.status.started_at or reader.identity.created_at
    return ended is None or started is None or ended <= started


def _is_same(made: Data, read: Data) -> bool:
    """Whether one is the other, or a part of it. What was overwritten since is no longer what was made."""
    a, b = _place(made.uri), _place(read.uri)
    if a == b:
        return None in (made.version, read.version) or made.version == read.version
    return a.startswith(b) or b.startswith(a)


def _place(uri: str) -> str:
    return f"{uri.rstrip('/')}/"


def _around(uri: str) -> Iterator[str]:
    """The URI and every folder around it, with and without a slash at its end; not the whole bucket."""
    scheme, separator, path = uri.rstrip("/").partition("://")
    parts = path.split("/")
    for end in range(min(2, len(parts)), len(parts) + 1):
        place = scheme + separator + "/".join(parts[:end])
        yield from (place, f"{place}/")


def _is_implied(edge: Edge, edges: set[Edge], records: Mapping[str, RunRecord]) -> bool:
    """Whether others say it by two: a job is part of an execution of which it reads another job's data."""
    between = {one.target for one in edges if one.source == edge.source}
    between &= {one.source for one in edges if one.target == edge.target}
    if edge.relation != DATA:
        return bool(between) or any(
            (one.source, one.target) == (edge.source, edge.target) and one.relation == DATA for one in edges
        )
    return any(end in records and records[end].identity.kind == "model-package" for end in between)


def _called(run_id: str, parent: Parent) -> str:
    return parent.name or (parent.arn or run_id).rpartition(":")[2]


def _listed(values: Iterable[str]) -> str:
    return ", ".join(_quoted(value) for value in values)


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
