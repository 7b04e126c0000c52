"""report.html and report.ipynb: the numbers of analysis.json as tables. AWS's container draws them, and makes a PDF of them, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from .contract import Document

_PAGE = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{title}</title></head><body>\n{body}</body></html>\n'
_SECTIONS = {
    "pre_training_bias_metrics": "Pre-training bias metrics",
    "post_training_bias_metrics": "Post-training bias metrics",
}


def write(directory: Path, settings: Document, result: Document) -> None:
    """Write both files; `settings` is `methods.report`."""
    name, title = str(settings.get("name", "report")), str(settings.get("title", "Analysis Report"))
    body = f"<h1>{escape(title)}</h1>\n" + "".join([*_bias(result), *_explanations(result)])
    (directory / f"{name}.html").write_text(_PAGE.format(title=escape(title), body=body))
    cell = {"cell_type": "markdown", "id": "report", "metadata": {}, "source": body.splitlines(keepends=True)}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (directory / f"{name}.ipynb").write_text(json.dumps(notebook, indent=1))


def _bias(result: Document) -> Iterator[str]:
    for section, heading in _SECTIONS.items():
        for facet, groups in result.get(section, {}).get("facets", {}).items():
            for group in groups:
                yield f"<h2>{heading}: {escape(facet)} = {escape(group['value_or_threshold'])}</h2>\n"
                yield _table(
                    ("metric", "value"),
                    [(metric["description"], metric.get("error", metric["value"])) for metric in group["metrics"]],
                )


def _explanations(result: Document) -> Iterator[str]:
    for label, entry in result.get("explanations", {}).get("kernel_shap", {}).items():
        yield f"<h2>Feature importance: {escape(label)}</h2>\n<p>Expected value: {entry['expected_value']:.6g}</p>\n"
        ranked = sorted(entry["global_shap_values"].items(), key=lambda pair: abs(pair[1]), reverse=True)
        yield _table(("feature", "global SHAP value"), ranked)


def _table(header: tuple[str, str], rows: list[tuple[Any, Any]]) -> str:
    cells = [f"<tr><td>{escape(str(name))}</td><td>{_shown(value)}</td></tr>\n" for name, value in rows]
    return f"<table>\n<tr><th>{header[0]}</th><th>{header[1]}</th></tr>\n{''.join(cells)}</table>\n"


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))
