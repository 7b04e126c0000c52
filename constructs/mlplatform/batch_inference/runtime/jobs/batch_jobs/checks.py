"""The input of a run against the baseline of its model: what is violated, by how many rows, and which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from batch_jobs.baseline import Baseline, Feature
from batch_jobs.profiles import is_numeric
from batch_jobs.tables import Layout, Piece
from column_profiles import population_stability_index

STOP, WARN, SET_ASIDE = ACTIONS = ("stop", "warn", "set_aside")
ROW_CHECKS = ("type", "missing", "non_negative", "range", "domain")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Limits:
    """What is asked beyond the constraints. `range_slack`: how far, in multiples of the range of the training data, a value may lie
    outside it. `max_psi`: None to report the index only."""

    range_slack: float = 0.5
    max_psi: float | None = None


@dataclass
class Finding:
    """Values of one column that violate one rule. `rule` says what they do, as in "are negative"."""

    column: str
    check: str
    rule: str
    rows: int = 0
    first: str = ""


class Checks:
    """Looks at every piece of the input, then says what is wrong with it."""

    def __init__(self, baseline: Baseline | None, layout: Layout, limits: Limits) -> None:
        self._baseline = baseline
        self._limits = limits
        self._rows = 0
        self._findings: dict[tuple[str, str], Finding] = {}
        self._missing: dict[str, int] = {}
        self._text = {column.name for column in layout.features if not is_numeric(column.type)}
        names = [column.name for column in layout.features]
        known = {} if baseline is None else {feature.name: feature for feature in baseline.features}
        self._features = {name: known[name] for name in names if name in known}
        self.schema_problems = [] if baseline is None else list(_schema_problems(baseline, names, self._text))

    def row_reasons(self, piece: Piece) -> Iterator[tuple[str, str, Mask]]:
        """Column, reason and rows of every rule that rows of the piece violate."""
        self._rows += piece.table.num_rows
        for name, feature in self._features.items():
            values = piece.table.column(name)
            self._missing[name] = self._missing.get(name, 0) + _missing_in(values)
            for check, rule, wrong in self._violated(feature, values):
                if wrong.any():
                    self._note(piece, name, (check, rule), wrong)
                    yield name, f"{name}: {_SHORT[check]}", wrong

    def violations(self, profile: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, float]]:
        """Everything that is violated, and the population stability index of each feature that has one."""
        found = [{"column": "", "check": "columns", "rows": 0, "message": problem} for problem in self.schema_problems]
        for one in self._findings.values():
            if one.check in ("type", "domain") and 1 - one.rows / max(self._rows, 1) >= self._share(one.check):
                continue
            message = f"{one.rows} of {self._rows} values of '{one.column}' {one.rule}, first {one.first}"
            found.append({"column": one.column, "check": one.check, "rows": one.rows, "message": message})
        found += self._incomplete()
        index = {
            name: value
            for name, feature in self._features.items()
            if feature.profile is not None
            for value in [population_stability_index(feature.profile, profile[name])]
            if value is not None
        }
        highest = self._limits.max_psi
        found += [
            {
                "column": name,
                "check": "psi",
                "rows": 0,
                "message": f"'{name}' has moved: its index is {value:.2f}, above {highest:g}",
            }
            for name, value in index.items()
            if highest is not None and value > highest
        ]
        return found, index

    def _violated(self, feature: Feature, values: pa.ChunkedArray) -> Iterator[tuple[str, str, Mask]]:
        numeric = is_numeric(values.type)
        if feature.completeness == 1.0:
            missing = np.asarray(pc.is_null(values, nan_is_null=numeric))
            yield "missing", "are missing", missing
        if numeric:
            yield from self._violated_by_numbers(feature, values.to_numpy())
        elif feature.domain is not None:
            known = pc.is_in(values.cast(pa.string()), value_set=pa.array(sorted(feature.domain)))
            yield "domain", "are not in the training data", ~np.asarray(pc.or_(known, pc.is_null(values)))

    def _violated_by_numbers(self, feature: Feature, given: NDArray[Any]) -> Iterator[tuple[str, str, Mask]]:
        numbers = np.asarray(given, np.float64)
        with np.errstate(invalid="ignore"):
            if feature.inferred_type == "Integral":
                yield "type", "are not whole numbers", np.isfinite(numbers) & (numbers != np.floor(numbers))
            if feature.non_negative:
                yield "non_negative", "are negative", numbers < 0
            if feature.lowest is not None and feature.highest is not None:
                slack = self._limits.range_slack * (feature.highest - feature.lowest)
                low, high = feature.lowest - slack, feature.highest + slack
                outside = (numbers < low) | (numbers > high)
                yield "range", f"are outside {low:g} to {high:g}", outside & ~(feature.non_negative & (numbers < 0))

    def _incomplete(self) -> Iterator[dict[str, Any]]:
        for name, feature in self._features.items():
            share = 1 - self._missing.get(name, 0) / max(self._rows, 1)
            if feature.completeness is not None and feature.completeness < 1 and share < feature.completeness:
                message = f"'{name}' is complete in {share:.1%} of the rows; in the training data in {feature.completeness:.1%}"
                yield {"column": name, "check": "completeness", "rows": 0, "message": message}

    def _share(self, check: str) -> float:
        """The share of good values from which Model Monitor accepts a column."""
        assert self._baseline is not None  # noqa: S101 - findings come from a baseline
        return self._baseline.type_share if check == "type" else self._baseline.domain_share

    def _note(self, piece: Piece, name: str, what: tuple[str, str], wrong: Mask) -> None:
        check, rule = what
        finding = self._findings.setdefault((name, check), Finding(name, check, rule))
        if not finding.first:
            place = int(np.flatnonzero(wrong)[0])
            value = piece.table.column(name)[place].as_py()
            finding.first = f"{'none' if value is None else value} in {piece.file} row {piece.numbers[place]}"
        finding.rows += int(wrong.sum())


_SHORT = {
    "type": "not a whole number",
    "missing": "missing",
    "non_negative": "negative",
    "range": "out of range",
    "domain": "unknown value",
}


def sets_aside(reason: str) -> bool:
    """Whether a violated rule takes its rows out. A fraction among whole numbers can be scored, so it is only told."""
    return not reason.endswith(_SHORT["type"])


def _missing_in(values: pa.ChunkedArray) -> int:
    count: Callable[[Any], int] = lambda mask: int(pc.sum(mask).as_py() or 0)  # noqa: E731
    return count(pc.is_null(values, nan_is_null=is_numeric(values.type)))


def _schema_problems(baseline: Baseline, names: list[str], text: set[str]) -> Iterator[str]:
    expected = baseline.names
    missing = [name for name in expected if name not in names]
    extra = [name for name in names if name not in expected]
    if missing or extra:
        parts = [f"{word} {', '.join(some[:5])}" for word, some in (("without", missing), ("with", extra)) if some]
        yield (
            f"the input has {len(names)} features and the training data {len(expected)}: it is {' and '.join(parts)}; "
            "write the features that the model was trained on"
        )
    kinds = {feature.name: feature.inferred_type for feature in baseline.features}
    wrong = [name for name in names if kinds.get(name) in ("Integral", "Fractional") and name in text]
    if wrong:
        yield f"{', '.join(wrong[:5])} hold text and in the training data numbers; write numbers"
