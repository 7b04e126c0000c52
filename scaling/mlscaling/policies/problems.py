"""What is wrong with a policy: all of it at once, as sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator


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


def not_whole(name: str, value: object, least: int) -> Iterator[str]:
    """One sentence, or none. What numpy counts with is no `int`, and would not get into a template."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        yield f"{name} is {value!r}; use a whole number, {least} or more"


def bad_cooldowns(values: dict[str, object]) -> Iterator[str]:
    """One sentence for each."""
    for name, value in values.items():
        if name.endswith("cooldown_seconds"):
            yield from not_whole(name, value, 0)


def bad_limits(minimum: int, maximum: int) -> list[str]:
    """What a minimum and a maximum cannot be, by themselves or together."""
    found = [*not_whole("minimum", minimum, 0), *not_whole("maximum", maximum, 1)]
    if not found and minimum > maximum:
        found.append(
            f"the minimum is {minimum}, and the maximum {maximum}; use a maximum that is not below the minimum"
        )
    return found


def no_tuple_of(kind: type, owner: object, name: str) -> Iterator[str]:
    """Keeps what is there as a tuple, without what is something else, so that others may look. One sentence, or none."""
    given = getattr(owner, name)
    items = tuple(given) if isinstance(given, Iterable) else (given,)
    kept = tuple(one for one in items if isinstance(one, kind))
    object.__setattr__(owner, name, kept)
    if isinstance(given, kind):
        yield f"{name} is one {kind.__name__}; put it into a tuple: {name}=(...,)"
    elif len(kept) < len(items):
        yield f"{name} is {given!r}; give a tuple of {kind.__name__}"


def raise_if_any(*problems: Iterable[str]) -> None:
    """Raises `InvalidScalingError` with all of them, if there are."""
    found = [problem for source in problems for problem in source]
    if found:
        raise InvalidScalingError("; ".join(found))
