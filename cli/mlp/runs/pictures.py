"""Lineage as a tree for the terminal, as Mermaid and as SVG. Pure."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from mlp.errors import CliError, ExitCode
from mlp.render import status_text
from mlp.runs.lineage import DATA, UNRECORDED
from mlp.runs.rows import short
from mlp.runs.tables import SHORT_ID, moment

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from mlp.runs.lineage import Edge, Lineage, Node

SUFFIXES = (".mmd", ".svg", ".html")
_FILLS = {DATA: "#e8f1fa", UNRECORDED: "#eeeeee", "model-package": "#fdf0d5", "pipeline-execution": "#f3ecf8"}
_PLAIN_FILL, _ROOT_STROKE = "#ffffff", "#b3541e"
_BOX, _GAP, _MARGIN = (230, 58), (110, 22), 20
_LONGEST_LINE = 36
"""Characters that fit into a box."""


def save(path: Path, lineage: Lineage) -> None:
    """Write the picture as Mermaid (`.mmd`), SVG or a page of HTML. Raises `CliError` for another kind of file."""
    writers: dict[str, Callable[[Lineage], str]] = {".mmd": mermaid, ".svg": svg, ".html": _page}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        fix = f"use a name that ends with {', '.join(SUFFIXES)}"
        raise CliError(f"a picture cannot be written as '{path.name}'", fix=fix, exit_code=ExitCode.BAD_INPUT)
    path.write_text(writer(lineage), encoding="utf-8")


def tree(lineage: Lineage) -> Group:
    """What the root came from, and what came of it. What stands in several places is shown with its own lines once."""
    root = lineage.nodes[lineage.root]
    parts: list[RenderableType] = [Text.assemble(_line(root, root), style="bold")]
    ways: tuple[tuple[str, Callable[[str], list[Edge]], Callable[[Edge], str]], ...] = (
        ("came from", lineage.above, lambda edge: edge.source),
        ("what came of it", lineage.below, lambda edge: edge.target),
    )
    for title, edges_of, end in ways:
        branch = Tree(Text(title, style="dim"), guide_style="dim")
        _grow(branch, lineage, lineage.root, edges_of, end, shown={lineage.root})
        parts.append(branch if branch.children else Text(f"{title}: nothing that is recorded", style="dim"))
    return Group(*parts)


def _grow(
    branch: Tree,
    lineage: Lineage,
    node_id: str,
    edges_of: Callable[[str], list[Edge]],
    end: Callable[[Edge], str],
    shown: set[str],
) -> None:
    for edge in edges_of(node_id):
        node = lineage.nodes[end(edge)]
        line = Text.assemble((f"{edge.label}: ", "dim"), _line(node, lineage.nodes[lineage.root]))
        if node.id in shown and edges_of(node.id):
            branch.add(line.append("  (above)", style="dim"))
            continue
        shown.add(node.id)
        _grow(branch.add(line), lineage, node.id, edges_of, end, shown)


def mermaid(lineage: Lineage) -> str:
    """A flowchart, from left to right, which GitHub, GitLab, Jupyter and editors draw."""
    names = {node: f"n{number}" for number, node in enumerate(lineage.nodes)}
    lines = ["flowchart LR"]
    for node in lineage.nodes.values():
        text = "<br>".join(_mermaid_text(line) for line in _box_lines(node))
        opened, closed = ("[(", ")]") if node.kind == DATA else ("[", "]")
        lines.append(f'  {names[node.id]}{opened}"{text}"{closed}')
    for edge in lineage.edges:
        lines.append(f'  {names[edge.source]} -->|"{_mermaid_text(edge.label)}"| {names[edge.target]}')
    lines.append(f"  style {names[lineage.root]} stroke:{_ROOT_STROKE},stroke-width:3px")
    return "\n".join(lines) + "\n"


def svg(lineage: Lineage) -> str:
    """The same as a picture that needs nothing to be drawn. Boxes say more when one points at them."""
    places = _places(lineage)
    width = max(x for x, _ in places.values()) + _BOX[0] + _MARGIN
    height = max(y for _, y in places.values()) + _BOX[1] + _MARGIN
    edges = "".join(_arrow(edge, places) for edge in lineage.edges)
    boxes = "".join(_box(node, places[node.id], node.id == lineage.root) for node in lineage.nodes.values())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12"><defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#666"/></marker></defs>'
        f"{edges}{boxes}</svg>\n"
    )


def _places(lineage: Lineage) -> dict[str, tuple[int, int]]:
    """The corner of each node: columns by the longest way from a start, in each the order of what they come from."""
    columns = dict.fromkeys(lineage.nodes, 0)
    for _ in columns:  # No way is longer than there are nodes.
        before = dict(columns)
        for edge in lineage.edges:
            columns[edge.target] = max(columns[edge.target], columns[edge.source] + 1)
        if columns == before:
            break
    for node in columns:
        if not lineage.above(node) and lineage.below(node):  # A start stands beside what it led to first.
            columns[node] = min(columns[edge.target] for edge in lineage.below(node)) - 1
    by_column: dict[int, list[str]] = {}
    for node, column in columns.items():
        by_column.setdefault(column, []).append(node)
    rows: dict[str, int] = {}
    for column in sorted(by_column):
        rows |= {
            node: row
            for row, node in enumerate(sorted(by_column[column], key=lambda one: _mean_row(lineage, one, rows)))
        }
    steps = tuple(box + gap for box, gap in zip(_BOX, _GAP, strict=True))
    return {node: (_MARGIN + columns[node] * steps[0], _MARGIN + rows[node] * steps[1]) for node in lineage.nodes}


def _mean_row(lineage: Lineage, node: str, rows: dict[str, int]) -> tuple[float, str]:
    above = [rows[edge.source] for edge in lineage.above(node) if edge.source in rows]
    return (sum(above) / len(above) if above else 0.0), node


def _arrow(edge: Edge, places: dict[str, tuple[int, int]]) -> str:
    (x0, y0), (x1, y1) = places[edge.source], places[edge.target]
    x0, y0, y1 = x0 + _BOX[0], y0 + _BOX[1] // 2, y1 + _BOX[1] // 2
    bend = _GAP[0] // 2
    label = html.escape(_cut(edge.label, _GAP[0] // 7))
    return (
        f'<path d="M{x0} {y0}C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}" fill="none" stroke="#666" marker-end="url(#end)"/>'
        f'<text x="{x1 - 8}" y="{y1 - 5}" text-anchor="end" font-size="10" fill="#444">{label}</text>'
    )


def _box(node: Node, place: tuple[int, int], is_root: bool) -> str:
    x, y = place
    fill = _FILLS.get(node.kind, _PLAIN_FILL)
    stroke = f'stroke="{_ROOT_STROKE}" stroke-width="3"' if is_root else 'stroke="#666"'
    lines = "".join(
        f'<text x="{x + 8}" y="{y + 18 + 16 * number}">{html.escape(_cut(line, _LONGEST_LINE))}</text>'
        for number, line in enumerate(_box_lines(node))
    )
    title = html.escape("\n".join((node.id, *_box_lines(node))))
    return (
        f'<g><title>{title}</title><rect x="{x}" y="{y}" width="{_BOX[0]}" height="{_BOX[1]}" rx="6" fill="{fill}" {stroke}/>'
        f"{lines}</g>"
    )


def _page(lineage: Lineage) -> str:
    title = html.escape(f"Lineage of {lineage.nodes[lineage.root].name}")
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{svg(lineage)}</html>\n'


def _box_lines(node: Node) -> tuple[str, str, str]:
    """Three lines: what, which, and how it stands."""
    return node.kind, node.name, ", ".join(_facts(node))


def _facts(node: Node) -> Iterator[str]:
    record, data = node.record, node.data
    if record is not None:
        yield record.status.approval or record.status.state
        yield record.run_id[:SHORT_ID]
    if data is not None:
        if data.rows is not None:
            yield f"{data.rows:,} rows"
        yield f"version {short(data.version)}" if data.version else "no version"


def _line(node: Node, root: Node) -> Text:
    record = node.record
    line = Text(f"{node.kind} ", style="").append(node.name, style="bold" if node is root else "")
    if record is not None:
        line.append("  ").append_text(status_text(record.status.approval or record.status.state))
        line.append(
            f"  {moment(record.status.started_at or record.identity.created_at)}  {record.run_id[:SHORT_ID]}",
            style="dim",
        )
    else:
        line.append("".join(f"  {fact}" for fact in _facts(node)), style="dim")
    return line


def _cut(text: str, most: int) -> str:
    """The end of a long text tells more: the last folders of a place, the number of a job."""
    return text if len(text) <= most else f"...{text[3 - most :]}"


def _mermaid_text(text: str) -> str:
    """In quotes only these mean something to Mermaid; it knows them as entities."""
    return (
        text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;").replace("`", "#96;")
    )
