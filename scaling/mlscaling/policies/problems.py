"""What is wrong with a policy: all of it at once, as sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator


class InvalidScalingError(ValueError):
    """A policy that cannot be; the message lists every problem."""


def not_positive(name: str, value: float) -> Iterator[str]:
    """One sentence, or none."""
    if not (value > 0 and math.isfinite(value)):
        yield f"{name} is {value}; use more than 0"


def bad_quantile(quantile: float) -> Iterator[str]:
    """One sentence, or none."""
    if not 0 <= quantile <= 1:
        yield f"quantile is {quantile}; use 0 to 1"


def negative_cooldowns(values: dict[str, object]) -> Iterator[str]:
    """One sentence for each."""
    for name, value in values.items():
        if name.endswith("cooldown_seconds") and isinstance(value, int) and value < 0:
            yield f"{name} is {value}; use 0 or more"


def raise_if_any(*problems: Iterator[str]) -> None:
    """Raises `InvalidScalingError` with all of them, if there are."""
    found = [problem for source in problems for problem in source]
    if found:
        raise InvalidScalingError("; ".join(found))
