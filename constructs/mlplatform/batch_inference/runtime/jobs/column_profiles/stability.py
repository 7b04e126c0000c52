"""How far a column has moved from an earlier profile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from column_profiles.histograms import coarse

BINS = 10
_SMALLEST_SHARE = 1e-4

Json = Mapping[str, Any]


def population_stability_index(earlier: Json, now: Json) -> float | None:
    """How far a column has moved from an earlier profile; None where the two have no distribution to compare.

    Below 0.1 is by convention stable, above 0.25 is moved. See Yurdakul, "Statistical Properties of Population Stability Index" (2018).
    """
    bins = list(_bins(earlier, now))
    totals = [sum(pair[side] for pair in bins) for side in (0, 1)]
    if not all(totals):
        return None
    index = 0.0
    for before, after in bins:
        q, p = (max(count / total, _SMALLEST_SHARE) for count, total in ((before, totals[0]), (after, totals[1])))
        index += (p - q) * math.log(p / q)
    return index


def _bins(earlier: Json, now: Json) -> Iterator[tuple[int, int]]:
    """Counts of the earlier profile and of this one, bin by bin; nothing where they cannot be compared."""
    if earlier["histogram"] is not None and now["histogram"] is not None:
        yield from _numeric_bins(earlier["histogram"], now["histogram"])
    elif earlier["categories"] is not None and now["categories"] is not None:
        for name in sorted({*earlier["categories"], *now["categories"]}):
            yield earlier["categories"].get(name, 0), now["categories"].get(name, 0)
    else:
        return
    missing = tuple(one["nulls"] + one["infinite"] for one in (earlier, now))
    if any(missing):
        yield missing[0], missing[1]


def _numeric_bins(earlier: Json, now: Json) -> Iterator[tuple[int, int]]:
    dropped = max(earlier["dropped_bits"], now["dropped_bits"])
    before, after = (coarse(one, dropped) for one in (earlier, now))
    enough = sum(before.values()) / BINS
    left = sum(before.values())
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
