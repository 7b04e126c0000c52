"""Charts of metrics by step, of one run or of several side by side."""

from __future__ import annotations

import html
import io
import math
from typing import TYPE_CHECKING

from mlp.errors import CliError, ExitCode
from mlp.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from mlrecords.record import RunRecord

SUFFIXES = (".png", ".svg", ".pdf", ".html")
_COLUMNS = 3
_PANEL_INCHES = (4.5, 3.0)


def save(path: Path, runs: Mapping[str, RunRecord], *, report: str = "") -> int:
    """Draw every metric that has steps, a panel for each; how many. An HTML page has `report`, plain text, below them.

    `runs` are records by the name to show. Raises `CliError` if no metric has steps, or for another kind of file.
    """
    if path.suffix.lower() not in SUFFIXES:
        fix = f"use a name that ends with {', '.join(SUFFIXES)}"
        raise CliError(f"a chart cannot be written as '{path.name}'", fix=fix, exit_code=ExitCode.BAD_INPUT)
    names = sorted({name for record in runs.values() for name, metric in record.metrics.items() if metric.steps})
    if not names:
        cause = f"no metric of {' or '.join(runs)} has steps, so there is nothing to draw"
        raise CliError(cause, fix="log metrics with steps, or leave out --chart", exit_code=ExitCode.NOT_FOUND)
    figure = _figure(names, runs)
    kind = path.suffix.lower().removeprefix(".")
    write_whole(path, _page(figure, " and ".join(runs), report) if kind == "html" else _drawn(figure, kind))
    return len(names)


def _figure(names: list[str], runs: Mapping[str, RunRecord]) -> Figure:
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    size = (_PANEL_INCHES[0] * columns, _PANEL_INCHES[1] * rows)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for panel, name in zip(panels, names, strict=False):
        for run, record in runs.items():
            metric = record.metrics.get(name)
            points = sorted((int(step), value) for step, value in metric.steps.items()) if metric else []
            panel.plot(
                [step for step, _ in points], [value for _, value in points], label=run, marker=".", linewidth=1.2
            )
        panel.set_title(name)
        panel.set_xlabel("step")
    for panel in list(figure.axes)[len(names) :]:
        panel.set_axis_off()
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(runs))
    return figure


def _drawn(figure: Figure, kind: str) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format=kind)
    return drawn.getvalue()


def _page(figure: Figure, title: str, report: str) -> str:
    svg = _drawn(figure, "svg").decode()
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<h1>{html.escape(title)}</h1>{svg[svg.index('<svg') :]}<pre>{html.escape(report)}</pre></html>\n"
    )
