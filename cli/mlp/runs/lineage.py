"""What a run came from and what came of it, as a graph: dataset, job, model version, batch output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlp.runs import drawing
from mlp.runs.rows import SHORT_ID, short
from mlrecords.record import Data, RunRecord

if TYPE_CHECKING:
    import pandas as pd

DATA, UNRECORDED = "data", "not recorded"
_FILLS = {DATA: "#e8f1fa", UNRECORDED: "#eeeeee", "model-package": "#fdf0d5", "pipeline-execution": "#f3ecf8"}


@dataclass(frozen=True, kw_only=True)
class Node:
    """A run with its record, data that no run known here made or read, or a parent that is not recorded."""

    id: str
    kind: str
    name: str
    record: RunRecord | None = None
    data: Data | None = None

    @property
    def facts(self) -> tuple[str, ...]:
        """How it stands: state and run id, rows and version."""
        record, data = self.record, self.data
        run = () if record is None else (record.status.approval or record.status.state, record.run_id[:SHORT_ID])
        rows = () if data is None or data.rows is None else (f"{data.rows:,} rows",)
        versions = () if data is None else (f"version {short(data.version)}" if data.version else "no version",)
        return (*run, *rows, *versions)

    @property
    def lines(self) -> tuple[str, str, str]:
        """What, which, and how it stands."""
        return self.kind, self.name, ", ".join(self.facts)


@dataclass(frozen=True, order=True)
class Edge:
    """`target` came from `source`; `relation` is that of the parent in the record, or `DATA`, and `name` the input's."""

    source: str
    target: str
    relation: str
    name: str = ""

    @property
    def label(self) -> str:
        """For people, in a word."""
        return self.name if self.relation == DATA else _WORDS.get(self.relation, self.relation)


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

    def svg(self) -> str:
        """The graph as a picture that needs nothing else to be shown. Boxes say more when one points at them."""
        boxes = {
            node.id: drawing.Box(
                lines=node.lines,
                title="\n".join((node.id, *node.lines)),
                fill=_FILLS.get(node.kind, "#ffffff"),
                is_marked=node.id == self.root,
            )
            for node in self.nodes.values()
        }
        return drawing.svg(boxes, [drawing.Arrow(edge.source, edge.target, edge.label) for edge in self.edges])

    _repr_svg_ = svg  # What a notebook asks for.


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
