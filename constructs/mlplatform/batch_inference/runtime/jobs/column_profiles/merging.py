"""Profiles of a column in two places, as one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from column_profiles.histograms import merge_histograms

MOST_CATEGORIES = 200

Json = Mapping[str, Any]
Profile = dict[str, Any]


def merge(first: Json, second: Json) -> Profile:
    """The profile of both columns one after the other."""
    merged: Profile = {key: first[key] + second[key] for key in ("count", "nulls", "infinite")}
    sides = [{"n": _finite(one), **one} for one in (first, second) if one["mean"] is not None]
    if len(sides) == 2:
        mean, m2 = combined(sides[0], sides[1])
        std = math.sqrt(m2 / (sides[0]["n"] + sides[1]["n"]))
        lowest, highest = min(one["min"] for one in sides), max(one["max"] for one in sides)
        merged.update(mean=mean, std=std, min=lowest, max=highest, m2=m2)
    else:
        merged.update({key: sides[0][key] if sides else None for key in ("mean", "std", "min", "max", "m2")})
    histograms = [one["histogram"] for one in (first, second) if one["histogram"] is not None]
    merged["histogram"] = merge_histograms(*histograms) if len(histograms) == 2 else None
    merged["categories"] = _merged_categories(first["categories"], second["categories"])
    return merged


def combined(first: Json, second: Json) -> tuple[float, float]:
    """Mean and sum of squared differences of both (Chan, Golub and LeVeque, 1979)."""
    total = first["n"] + second["n"]
    apart = second["mean"] - first["mean"]
    mean = first["mean"] + apart * second["n"] / total
    return mean, first["m2"] + second["m2"] + apart * apart * first["n"] * second["n"] / total


def _merged_categories(first: Json | None, second: Json | None) -> dict[str, int] | None:
    if first is None or second is None:
        return None
    merged = {name: first.get(name, 0) + second.get(name, 0) for name in sorted({*first, *second})}
    return merged if len(merged) <= MOST_CATEGORIES else None


def _finite(profile: Json) -> int:
    return int(profile["count"] - profile["nulls"] - profile["infinite"])
