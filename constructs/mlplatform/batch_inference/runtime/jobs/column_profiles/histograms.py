"""Histograms as profiles hold them: merged, and brought to coarser buckets. See `batch_jobs.histograms` for what a bucket is."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

MOST_BUCKETS = 256
MAGNITUDE = 0x7FFF_FFFF_FFFF_FFFF
_LARGEST = 0x7FEF_FFFF_FFFF_FFFF  # bits of the largest finite float64

Json = Mapping[str, Any]
Buckets = dict[int, int]


def merge_histograms(first: Json, second: Json) -> dict[str, Any]:
    """The histogram of both."""
    dropped = max(first["dropped_bits"], second["dropped_bits"])
    buckets = coarse(first, dropped)
    for key, count in coarse(second, dropped).items():
        buckets[key] = buckets.get(key, 0) + count
    while len(buckets) > MOST_BUCKETS:
        dropped += 1
        halved: Buckets = {}
        for key, count in buckets.items():
            halved[key >> 1] = halved.get(key >> 1, 0) + count
        buckets = halved
    keys = sorted(buckets)
    return {
        "dropped_bits": dropped,
        "lower": [value_of(key << dropped) for key in keys],
        "counts": [buckets[key] for key in keys],
    }


def coarse(histogram: Json, dropped_bits: int) -> Buckets:
    """Counts by the key of the bucket once that many bits are dropped."""
    buckets: Buckets = {}
    for lower, count in zip(histogram["lower"], histogram["counts"]):
        key = key_of(lower) >> dropped_bits
        buckets[key] = buckets.get(key, 0) + count
    return buckets


def key_of(value: float) -> int:
    """A whole number that grows with the value: the bits of a float64, negative for a negative one."""
    (bits,) = struct.unpack("<q", struct.pack("<d", value + 0.0))
    return -(int(bits) & MAGNITUDE) if bits < 0 else int(bits)


def value_of(key: int) -> float:
    """The value of a key. A key beyond the floats, which a coarse bucket may begin with, is the largest float."""
    magnitude = min(abs(key), _LARGEST)
    (value,) = struct.unpack("<d", struct.pack("<q", magnitude))
    return -float(value) if key < 0 else float(value)
