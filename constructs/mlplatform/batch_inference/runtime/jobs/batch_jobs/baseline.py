"""The baseline that a model version was registered with: Model Monitor's statistics.json and constraints.json.

See "Schema for Statistics" and "Schema for Constraints" in the SageMaker Developer Guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from batch_jobs.files import JobError, read_json
from batch_jobs.histograms import weighted_histogram
from batch_jobs.tables import Column
from column_profiles.merging import Profile

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Feature:
    """What is known of a column. `lowest` and `highest` are of the training data; a share is None where nothing is asked."""

    name: str
    inferred_type: str
    completeness: float | None
    non_negative: bool
    domain: frozenset[str] | None
    lowest: float | None
    highest: float | None
    profile: Profile | None


@dataclass(frozen=True)
class Baseline:
    """The columns of the training data, in their order, and what share of values a check of types and of domains asks for."""

    features: tuple[Feature, ...]
    type_share: float
    domain_share: float

    @property
    def columns(self) -> list[Column]:
        """The columns as CSV without a header has them: text where the training data had text, numbers elsewhere."""
        return [
            Column(one.name, pa.string() if one.inferred_type == "String" else pa.float64()) for one in self.features
        ]

    @property
    def names(self) -> list[str]:
        """Their names, in order."""
        return [feature.name for feature in self.features]

    def of_input(self, keys: Sequence[str], given: Sequence[str] | None, width: int, target: str) -> Baseline:
        """Without the columns that the input of a prediction does not have: keys, and the target.

        The target is the one named; when none is named and the baseline has one column more than the input, it is the first that is no
        key, where SageMaker's own algorithms have it.
        """
        left = [feature for feature in self.features if feature.name not in keys and feature.name != target]
        absent = given is None or left[:1] == [one for one in left[:1] if one.name not in given]
        if not target and len(left) == width + 1 and absent:
            left = left[1:]
        return Baseline(tuple(left), self.type_share, self.domain_share)


def read_baseline(statistics: Path | None, constraints: Path | None) -> Baseline | None:
    """The baseline of the files given; each may be the directory it was downloaded to. None without constraints and statistics."""
    known = _read(statistics, "statistics.json")
    asked = _read(constraints, "constraints.json")
    if known is None and asked is None:
        return None
    figures = {one["name"]: one for one in (known or {}).get("features", [])}
    rules = {one["name"]: one for one in (asked or {}).get("features", [])}
    monitoring = (asked or {}).get("monitoring_config", {})
    names = list(rules) or list(figures)
    return Baseline(
        tuple(_feature(name, rules.get(name, {}), figures.get(name, {})) for name in names),
        float(monitoring.get("datatype_check_threshold", 1.0)),
        float(monitoring.get("domain_content_threshold", 1.0)),
    )


def _read(path: Path | None, name: str) -> Any:
    if path is None or not path.exists():
        return None
    file = path / name if path.is_dir() else path
    if not file.is_file():
        return None
    try:
        return read_json(file)
    except ValueError as error:
        raise JobError(
            f"DataCheckFailed: {file.name} of the baseline is not JSON ({error}); run the training pipeline again"
        ) from error


def _feature(name: str, rule: Json, figures: Json) -> Feature:
    numbers = figures.get("numerical_statistics", {})
    domain = rule.get("string_constraints", {}).get("domains")
    return Feature(
        name=name,
        inferred_type=str(rule.get("inferred_type", figures.get("inferred_type", "Unknown"))),
        completeness=rule.get("completeness"),
        non_negative=bool(rule.get("num_constraints", {}).get("is_non_negative", False)),
        domain=frozenset(str(one) for one in domain) if domain else None,
        lowest=numbers.get("min"),
        highest=numbers.get("max"),
        profile=_profile(figures),
    )


def _profile(figures: Json) -> Profile | None:
    """The statistics as one of our profiles; None where they hold no distribution."""
    numbers, text = figures.get("numerical_statistics", {}), figures.get("string_statistics", {})
    common = (numbers or text).get("common", {})
    missing = int(common.get("num_missing", 0))
    profile: Profile = {"count": missing, "nulls": missing, "infinite": 0, "histogram": None, "categories": None}
    levels = numbers.get("distribution", {}).get("kll", {}).get("sketch", {}).get("data")
    buckets = text.get("distribution", {}).get("categorical", {}).get("buckets")
    if levels:
        values = np.concatenate([np.asarray(level, np.float64) for level in levels])
        weights = np.concatenate([np.full(len(level), 1 << number, np.int64) for number, level in enumerate(levels)])
        profile["histogram"] = weighted_histogram(values, weights)
        profile["count"] += int(weights.sum())
    elif buckets:
        profile["categories"] = {str(one["value"]): int(one["count"]) for one in buckets}
        profile["count"] += sum(profile["categories"].values())
    return profile if levels or buckets else None
