"""How far inputs and predictions of a run have moved, from the profiles that its jobs left (docs/batch-inference-files.md).

Inputs are compared with the training baseline where the model has one: PrepareInput did that already. Otherwise, and for
predictions, the earlier side is the run of the same model that is published. The figure is the population stability index:
by convention below 0.1 is stable, above 0.25 has moved.
"""

import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

BINS = 10
MOST_BUCKETS = 256
MOST_CATEGORIES = 200
_SMALLEST_SHARE = 1e-4
_MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF
_LARGEST = 0x7FEF_FFFF_FFFF_FFFF

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


def merge(first: Profile, second: Profile) -> Profile:
    """The profile of both columns one after the other: what an index needs of it, and the range."""
    merged: dict[str, Any] = {key: first[key] + second[key] for key in ("count", "nulls", "infinite")}
    for key, choose in (("min", min), ("max", max)):
        known = [side[key] for side in (first, second) if side[key] is not None]
        merged[key] = choose(known) if known else None
    merged["mean"] = _mean(first, second)
    histograms = [side["histogram"] for side in (first, second)]
    merged["histogram"] = None if None in histograms else _merged_histograms(*histograms)
    merged["categories"] = _merged_categories(first["categories"], second["categories"])
    return merged


def population_stability_index(earlier: Profile, now: Profile) -> float | None:
    """How far a column has moved from an earlier profile; None where the two have no distribution to compare.

    See Yurdakul, "Statistical Properties of Population Stability Index" (2018).
    """
    bins = list(_bins(earlier, now))
    before, after = (sum(pair[side] for pair in bins) for side in (0, 1))
    if not before or not after:
        return None
    index = 0.0
    for pair in bins:
        q, p = (max(count / total, _SMALLEST_SHARE) for count, total in zip(pair, (before, after), strict=True))
        index += (p - q) * math.log(p / q)
    return index


def _bins(earlier: Profile, now: Profile) -> Iterator[tuple[int, int]]:
    """Counts of the earlier profile and of this one, bin by bin; nothing where they cannot be compared."""
    if earlier["histogram"] is not None and now["histogram"] is not None:
        yield from _numeric_bins(earlier["histogram"], now["histogram"])
    elif earlier["categories"] is not None and now["categories"] is not None:
        for name in sorted({*earlier["categories"], *now["categories"]}):
            yield earlier["categories"].get(name, 0), now["categories"].get(name, 0)
    else:
        return
    missing = [side["nulls"] + side["infinite"] for side in (earlier, now)]
    if any(missing):
        yield missing[0], missing[1]


def _numeric_bins(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """About equal counts of the earlier histogram, cut where both have a boundary."""
    dropped = max(earlier["dropped_bits"], now["dropped_bits"])
    before, after = (_coarse(side, dropped) for side in (earlier, now))
    left = sum(before.values())
    enough = left / BINS
    counts = [0, 0]
    for key in sorted({*before, *after}):
        # A bin is closed only before more of the earlier values, so that what lies beyond them falls into the last bin.
        if counts[0] >= enough and left > 0 and key in before:
            yield counts[0], counts[1]
            counts = [0, 0]
        counts[0] += before.get(key, 0)
        counts[1] += after.get(key, 0)
        left -= before.get(key, 0)
    yield counts[0], counts[1]


def _mean(first: Profile, second: Profile) -> float | None:
    finite = [(side["count"] - side["nulls"] - side["infinite"], side["mean"]) for side in (first, second)]
    known = [(n, mean) for n, mean in finite if mean is not None]
    total = sum(n for n, _ in known)
    return sum(n * mean for n, mean in known) / total if total else None


def _merged_histograms(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    dropped = max(first["dropped_bits"], second["dropped_bits"])
    buckets = _coarse(first, dropped)
    for key, count in _coarse(second, dropped).items():
        buckets[key] = buckets.get(key, 0) + count
    while len(buckets) > MOST_BUCKETS:
        dropped += 1
        halved: dict[int, int] = {}
        for key, count in buckets.items():
            halved[key >> 1] = halved.get(key >> 1, 0) + count
        buckets = halved
    keys = sorted(buckets)
    lower = [_value(key << dropped) for key in keys]
    return {"dropped_bits": dropped, "lower": lower, "counts": [buckets[key] for key in keys]}


def _coarse(histogram: Mapping[str, Any], dropped_bits: int) -> dict[int, int]:
    """Counts by the key of the bucket once that many bits are dropped."""
    buckets: dict[int, int] = {}
    for lower, count in zip(histogram["lower"], histogram["counts"], strict=True):
        key = _key(lower) >> dropped_bits
        buckets[key] = buckets.get(key, 0) + count
    return buckets


def _key(value: float) -> int:
    """A whole number that grows with the value: the bits of a float64, negative for a negative one."""
    (bits,) = struct.unpack("<q", struct.pack("<d", value + 0.0))
    return -(int(bits) & _MAGNITUDE) if bits < 0 else int(bits)


def _value(key: int) -> float:
    """The value of a key. A key beyond the floats, which a coarse bucket may begin with, is the largest float."""
    (value,) = struct.unpack("<d", struct.pack("<q", min(abs(key), _LARGEST)))
    return -float(value) if key < 0 else float(value)


def _merged_categories(first: Mapping[str, int] | None, second: Mapping[str, int] | None) -> dict[str, int] | None:
    if first is None or second is None:
        return None
    merged = {name: first.get(name, 0) + second.get(name, 0) for name in sorted({*first, *second})}
    return merged if len(merged) <= MOST_CATEGORIES else None
