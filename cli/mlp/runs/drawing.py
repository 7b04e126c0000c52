"""A graph as SVG that needs nothing else to be shown: boxes in columns, arrows from left to right. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MARK = "#b3541e"
"""The colour around the box that the picture is about."""
_BOX, _GAP, _MARGIN = (230, 58), (110, 22), 20
_LONGEST_LINE = 36
"""Characters that fit into a box."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """Lines of text on a colour, and a `title` that is read when one points at it."""

    lines: Sequence[str]
    title: str
    fill: str
    is_marked: bool = False


@dataclass(frozen=True)
class Arrow:
    """From one box to another, by their names."""

    source: str
    target: str
    label: str


def svg(boxes: Mapping[str, Box], arrows: Sequence[Arrow]) -> str:
    """The picture. Boxes are named; each arrow makes its target stand to the right of its source."""
    places = _places(boxes, arrows)
    width = max(x for x, _ in places.values()) + _BOX[0] + _MARGIN
    height = max(y for _, y in places.values()) + _BOX[1] + _MARGIN
    lines = "".join(_line(arrow, places) for arrow in arrows)
    rectangles = "".join(_rectangle(box, places[name]) for name, box in boxes.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12"><defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#666"/></marker></defs>'
        f"{lines}{rectangles}</svg>\n"
    )


def _places(names: Iterable[str], arrows: Sequence[Arrow]) -> dict[str, tuple[int, int]]:
    """The corner of each box: columns by the longest way from a start, in each the order of what they come from."""
    columns = dict.fromkeys(names, 0)
    for _ in columns:  # No way is longer than there are boxes.
        before = dict(columns)
        for arrow in arrows:
            columns[arrow.target] = max(columns[arrow.target], columns[arrow.source] + 1)
        if columns == before:
            break
    sources: dict[str, list[str]] = {name: [] for name in columns}
    targets: dict[str, list[str]] = {name: [] for name in columns}
    for arrow in arrows:
        sources[arrow.target].append(arrow.source)
        targets[arrow.source].append(arrow.target)
    for name in columns:
        if targets[name] and not sources[name]:  # A start stands beside what it led to first.
            columns[name] = min(columns[target] for target in targets[name]) - 1
    rows: dict[str, int] = {}
    for column in sorted(set(columns.values())):
        inside = [name for name in columns if columns[name] == column]
        rows |= {name: row for row, name in enumerate(sorted(inside, key=lambda one: (_mean(sources[one], rows), one)))}
    steps = tuple(box + gap for box, gap in zip(_BOX, _GAP, strict=True))
    return {name: (_MARGIN + columns[name] * steps[0], _MARGIN + rows[name] * steps[1]) for name in columns}


def _mean(sources: Iterable[str], rows: Mapping[str, int]) -> float:
    placed = [rows[source] for source in sources if source in rows]
    return sum(placed) / len(placed) if placed else 0.0


def _line(arrow: Arrow, places: Mapping[str, tuple[int, int]]) -> str:
    (x0, y0), (x1, y1) = places[arrow.source], places[arrow.target]
    x0, y0, y1 = x0 + _BOX[0], y0 + _BOX[1] // 2, y1 + _BOX[1] // 2
    bend = _GAP[0] // 2
    label = html.escape(_cut(arrow.label, _GAP[0] // 7))
    return (
        f'<path d="M{x0} {y0}C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}" fill="none" stroke="#666" marker-end="url(#end)"/>'
        f'<text x="{x1 - 8}" y="{y1 - 5}" text-anchor="end" font-size="10" fill="#444">{label}</text>'
    )


def _rectangle(box: Box, place: tuple[int, int]) -> str:
    x, y = place
    stroke = f'stroke="{MARK}" stroke-width="3"' if box.is_marked else 'stroke="#666"'
    lines = "".join(
        f'<text x="{x + 8}" y="{y + 18 + 16 * number}">{html.escape(_cut(line, _LONGEST_LINE))}</text>'
        for number, line in enumerate(box.lines)
    )
    return (
        f'<g><title>{html.escape(box.title)}</title><rect x="{x}" y="{y}" width="{_BOX[0]}" height="{_BOX[1]}" rx="6" '
        f'fill="{box.fill}" {stroke}/>{lines}</g>'
    )


def _cut(text: str, most: int) -> str:
    """The end of a long text tells more: the last folders of a place, the number of a job."""
    return text if len(text) <= most else f"...{text[3 - most :]}"
