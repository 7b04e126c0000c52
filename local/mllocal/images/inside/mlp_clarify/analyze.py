"""The entry point: analysis.json, and constraint_violations.json where a baseline is given."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import botocore.exceptions

from . import report
from .configuration import Analysis, Facet
from .contract import MESSAGE, OUTPUT, AnalysisError, Document
from .metrics import POST_TRAINING, PRE_TRAINING, Metric

_KINDS: dict[str, Mapping[str, Metric]] = {"pre_training_bias": PRE_TRAINING, "post_training_bias": POST_TRAINING}


def main(words: list[str]) -> int:
    """Analyze; 0 whether or not there are violations, as AWS's container does."""
    MESSAGE.parent.mkdir(parents=True, exist_ok=True)
    try:
        message = _analyze(Analysis.read())
    except (AnalysisError, ValueError, OSError, botocore.exceptions.ClientError) as error:
        MESSAGE.write_text(f"Customer Error: {error}")
        print(error, file=sys.stderr)
        return 255
    MESSAGE.write_text(message)
    print(message)
    return 0


def _analyze(analysis: Analysis) -> str:
    asked = {kind: _asked(kind, analysis) for kind in _KINDS if kind in analysis.methods}
    facets = list(analysis.facets()) if asked else []
    result: Document = {"version": "1.0"}
    for kind, metrics in asked.items():
        result[f"{kind}_metrics"] = _section(analysis, facets, metrics)
    if "shap" in analysis.methods:
        from . import explain  # It takes scikit-learn, which takes a second.

        result["explanations"] = explain.explain(analysis)
    _write("analysis.json", result)
    if "report" in analysis.methods:
        report.write(OUTPUT, analysis.methods["report"], result)
    baseline = os.environ.get("baseline_constraints")  # noqa: SIM112 - the container contract's own name
    if not baseline:
        return "Completed: Job completed successfully with no violations."
    known = json.loads(Path(baseline).read_text())
    violations = [
        found
        for kind, metrics in asked.items()
        for found in _violations(facets, metrics, known.get(f"{kind}_metrics", {"facets": {}}))
    ]
    if "explanations" in result:
        violations += explain.drift_violations(result["explanations"], known.get("explanations", {}))
    _write("constraint_violations.json", {"version": "1.0", "violations": violations})
    return f"{'CompletedWithViolations' if violations else 'Completed'}: Job completed successfully with {len(violations)} violations."


def _asked(kind: str, analysis: Analysis) -> Mapping[str, Metric]:
    names = analysis.methods[kind].get("methods", "all")
    if names == "all":
        return _KINDS[kind]
    wrong = sorted(set(names) - _KINDS[kind].keys())
    if wrong:
        raise AnalysisError(
            f"methods.{kind}.methods has {wrong[0]!r}, which the embedded AWS does not compute; "
            f"it computes {', '.join(_KINDS[kind])}"
        )
    return {name: _KINDS[kind][name] for name in sorted(names)}


def _section(analysis: Analysis, facets: list[Facet], metrics: Mapping[str, Metric]) -> Document:
    by_name: dict[str, list[Document]] = {}
    for facet in facets:
        entries = [_entry(name, metric, facet) for name, metric in metrics.items()]
        by_name.setdefault(facet.name, []).append({"value_or_threshold": facet.value, "metrics": entries})
    return {
        "label": str(analysis.column(analysis.configuration["label"]).name),
        "facets": by_name,
        "label_value_or_threshold": ", ".join(map(str, analysis.configuration["label_values_or_threshold"])),
    }


def _entry(name: str, metric: Metric, facet: Facet) -> Document:
    entry: Document = {"name": name, "description": metric.title}
    try:
        value = metric.formula(facet.groups)
    except ValueError as error:
        return {**entry, "value": None, "error": str(error)}
    return {**entry, "value": value if math.isfinite(value) else None}


def _violations(facets: list[Facet], metrics: Mapping[str, Metric], baseline: Document) -> Iterator[Document]:
    """Metrics that are further from no bias than the baseline's value. Source: "Bias Drift Violations", SageMaker Developer Guide."""
    known = {
        (name, group["value_or_threshold"], metric["name"]): metric.get("value")
        for name, groups in baseline["facets"].items()
        for group in groups
        for metric in group["metrics"]
    }
    for facet in facets:
        for name, metric in metrics.items():
            before = known.get((facet.name, facet.value, name))
            value = None if before is None else _entry(name, metric, facet)["value"]
            if before is None or value is None:
                continue
            if abs(value - metric.ideal) > abs(before - metric.ideal):
                yield {
                    "facet": facet.name,
                    "facet_value": facet.value,
                    "metric_name": name,
                    "constraint_check_type": "bias_drift_check",
                    "description": f"Value {value} does not meet the constraint requirement {before}",
                }


def _write(name: str, content: Document) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / name).write_text(json.dumps(content, indent=2))
