"""How far inputs and predictions of a run have moved, from the profiles that its jobs left (docs/batch-inference-files.md).

Inputs are compared with the training baseline where the model has one: PrepareInput did that already. Otherwise, and for
predictions, the earlier side is the run of the same model that is published. The figure is the population stability index:
by convention below 0.1 is stable, above 0.25 has moved.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from column_profiles import merge, population_stability_index

Profile = Mapping[str, Any]
Profiles = Mapping[str, Profile]


@dataclass(frozen=True)
class Drift:
    """The index of each column that could be compared, and what it was compared with; None where there was nothing."""

    against: str | None
    index: Mapping[str, float]

    @property
    def largest(self) -> float | None:
        """The index of the column that moved most."""
        return max(self.index.values(), default=None)

    def to_json(self) -> dict[str, Any]:
        """As the report has it, the column that moved most first."""
        ordered = sorted(self.index.items(), key=lambda item: (-item[1], item[0]))
        return {"against": self.against, "largest": self.largest, "psi": dict(ordered)}


def drift_of(earlier: Profiles | None, now: Profiles, against: str | None) -> Drift:
    """Each column against the earlier one of its name."""
    known = {} if earlier is None else earlier
    found = {name: population_stability_index(known[name], now[name]) for name in sorted(now) if name in known}
    return Drift(
        against=against if earlier is not None else None, index={k: v for k, v in found.items() if v is not None}
    )


def merged_profiles(parts: Iterable[Profiles]) -> dict[str, Profile]:
    """The profiles of all parts together, by column."""
    merged: dict[str, Profile] = {}
    for part in parts:
        for name, profile in part.items():
            merged[name] = merge(merged[name], profile) if name in merged else profile
    return merged
