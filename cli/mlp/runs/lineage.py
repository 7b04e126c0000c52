"""What a run came from and what came of it: dataset, job, model version, batch output.

Runs are linked by the parents that their records name, and by data: a job that reads what another wrote came from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlrecords.record import Data, Parent, RunRecord
from mlrecords.store import RecordStore, RunNotFoundError

if TYPE_CHECKING:
    import pandas as pd

    from mlp.runs.library import Found

DEPTH = 8
"""Levels that are followed in each direction, unless said otherwise: two generations of a pipeline that trains."""
MOST_RUNS = 500
"""Runs that are followed of each level, the newest."""
DATA, UNRECORDED = "data", "not recorded"
_IS_DATA_OF = "data"
_BOOKKEEPING = "pipeline-step"
# What these say of data, a job said when it wrote it.
_WRITE_NOTHING = ("model-package", "endpoint", "pipeline-execution", "tuning-job", _BOOKKEEPING)
_READERS = 10
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A run with its record, data that no run known here made or read, or a parent that is not recorded."""

    id: str
    kind: str
    name: str
    record: RunRecord | None = None
    data: Data | None = None


@dataclass(frozen=True, order=True)
class Edge:
    """`target` came from `source`; `relation` is that of the parent in the record, or `data`, and `name` the input's."""

    source: str
    target: str
    relation: str
    name: str = ""

    @property
    def label(self) -> str:
        """For people, in a word."""
        return self.name if self.relation == _IS_DATA_OF else _WORDS.get(self.relation, self.relation)


_WORDS = {"execution": "part of", "job": "made by", "model": "model", "tuning": "tuned by"}


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """A graph around one run, `root`; in a notebook it shows itself as a picture.

    Attributes:
        nodes: by id: the run id, or `uri@version` of data.
        is_cut: whether there was more than was followed.
    """

    root: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    is_cut: bool = False

    def above(self, node: str) -> list[Edge]:
        """What a node came from."""
        return [edge for edge in self.edges if edge.target == node]

    def below(self, node: str) -> list[Edge]:
        """What came of a node."""
        return [edge for edge in self.edges if edge.source == node]

    def ancestors(self) -> list[RunRecord]:
        """The records of all runs that the root came from, the nearest first."""
        found: dict[str, None] = {self.root: None}
        for node in iter(waiting := [self.root]):
            news = [edge.source for edge in self.above(node) if edge.source not in found]
            found |= dict.fromkeys(news)
            waiting += news
        records = (self.nodes[node].record for node in found if node != self.root)
        return [record for record in records if record is not None]

    @property
    def document(self) -> dict[str, Any]:
        """The graph as plain JSON."""
        return {
            "root": self.root,
            "nodes": [_document(node) for node in self.nodes.values()],
            "edges": [
                {"source": edge.source, "target": edge.target, "relation": edge.relation, "name": edge.name}
                for edge in self.edges
            ],
            "is_cut": self.is_cut,
        }

    def edges_table(self) -> pd.DataFrame:
        """A line for each edge: columns `source`, `relation`, `name`, `target`, with kinds and names of both ends."""
        import pandas as pd

        lines = [
            {
                "source": edge.source,
                "source_kind": self.nodes[edge.source].kind,
                "source_name": self.nodes[edge.source].name,
                "relation": edge.relation,
                "name": edge.name,
                "target": edge.target,
                "target_kind": self.nodes[edge.target].kind,
                "target_name": self.nodes[edge.target].name,
            }
            for edge in self.edges
        ]
        return pd.DataFrame(lines)

    def _repr_svg_(self) -> str:
        from mlp.runs.pictures import svg

        return svg(self)


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


def version_before(record: RunRecord, *, find: Callable[..., Found], store: RecordStore) -> RunRecord | None:
    """The model version with the next lower number in the same group; None for the first, and for what is no model version."""
    group, _, version = (record.identity.arn or "").rpartition("/")
    if record.identity.kind != "model-package" or not version.isdigit():
        return None
    rows = find(f"kind = 'model-package' and arn like {_quoted(f'{group}/%')}").rows
    versions = {
        int(row["arn"].rpartition("/")[2]): str(row["run_id"]) for row in rows if row["arn"].rpartition("/")[0] == group
    }
    lower = [number for number in versions if number < int(version)]
    return store.record(versions[max(lower)]) if lower else None


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
                yield Edge(self._add(data), record.run_id, _IS_DATA_OF, name)

    def results(self, record: RunRecord) -> Iterator[Edge]:
        """Edges to data that the run wrote and no run known here read."""
        readers = [self.records[edge.target] for edge in self.edges if edge.source == record.run_id]
        for name, data in record.outputs.items() if _writes(record) else ():
            if not any(_is_same(data, read) for reader in readers for read in _read(reader).values()):
                yield Edge(record.run_id, self._add(data), _IS_DATA_OF, name)

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
        return self._read([str(row["run_id"]) for row in found.rows])

    def _read(self, run_ids: list[str]) -> list[RunRecord]:
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
                yield Edge(maker.run_id, reader.run_id, _IS_DATA_OF, name)


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
    if edge.relation != _IS_DATA_OF:
        return bool(between) or any(
            (one.source, one.target) == (edge.source, edge.target) and one.relation == _IS_DATA_OF for one in edges
        )
    return any(end in records and records[end].identity.kind == "model-package" for end in between)


def _document(node: Node) -> dict[str, Any]:
    record, data = node.record, node.data
    more: dict[str, Any] = {}
    if record is not None:
        more = {"state": record.status.state, "approval": record.status.approval, "arn": record.identity.arn}
    if data is not None:
        more = {"version": data.version, "rows": data.rows, "size_bytes": data.size_bytes, "role": data.role}
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name,
        **{name: value for name, value in more.items() if value is not None},
    }


def _called(run_id: str, parent: Parent) -> str:
    return parent.name or (parent.arn or run_id).rpartition(":")[2]


def _listed(values: Iterable[str]) -> str:
    return ", ".join(_quoted(value) for value in values)


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
