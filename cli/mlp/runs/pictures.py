"""Lineage as a tree for the terminal, as Mermaid and as files."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from mlp.errors import CliError, ExitCode
from mlp.files import write_whole
from mlp.render import status_text
from mlp.runs.drawing import MARK
from mlp.runs.lineage import DATA, Edge, Lineage, Node
from mlp.runs.rows import SHORT_ID
from mlp.runs.tables import moment

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

SUFFIXES = (".mmd", ".svg", ".html")


def save(path: Path, lineage: Lineage) -> None:
    """Write the picture as Mermaid (`.mmd`), SVG or a page of HTML. Raises `CliError` for another kind of file."""
    writers: dict[str, Callable[[Lineage], str]] = {".mmd": mermaid, ".svg": Lineage.svg, ".html": _page}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        fix = f"use a name that ends with {', '.join(SUFFIXES)}"
        raise CliError(f"a picture cannot be written as '{path.name}'", fix=fix, exit_code=ExitCode.BAD_INPUT)
    write_whole(path, writer(lineage))


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
        text = "<br>".join(_mermaid_text(line) for line in node.lines)
        opened, closed = ("[(", ")]") if node.kind == DATA else ("[", "]")
        lines.append(f'  {names[node.id]}{opened}"{text}"{closed}')
    for edge in lineage.edges:
        lines.append(f'  {names[edge.source]} -->|"{_mermaid_text(edge.label)}"| {names[edge.target]}')
    lines.append(f"  style {names[lineage.root]} stroke:{MARK},stroke-width:3px")
    return "\n".join(lines) + "\n"


def _page(lineage: Lineage) -> str:
    title = html.escape(f"Lineage of {lineage.nodes[lineage.root].name}")
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{lineage.svg()}</html>\n'


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
        line.append("".join(f"  {fact}" for fact in node.facts), style="dim")
    return line


def _mermaid_text(text: str) -> str:
    """In quotes only these mean something to Mermaid; it knows them as entities."""
    return (
        text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;").replace("`", "#96;")
    )
