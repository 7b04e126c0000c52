"""Ranges of hyperparameters: each value as a number between 0 and 1 on the range's scale, and back as the string a job gets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mllocal.sagemaker.store import Document

# "Auto" means a logarithmic scale for positive ranges over at least this ratio, and a linear one otherwise.
_AUTO_LOGARITHMIC_RATIO = 1000
_Map = Callable[[float], float]


class RangeError(Exception):
    """A range that holds no values, or whose scale does not fit it."""


class Range(Protocol):
    """One tunable hyperparameter. `dimensions` is how many coordinates its values take in the search space."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def value(self, position: float) -> str: ...

    def coordinates(self, value: str) -> list[float]: ...

    def contains(self, value: str) -> bool: ...


@dataclass(frozen=True)
class Scale:
    """A monotone change of scale and its inverse."""

    forward: _Map
    backward: _Map


_LINEAR = Scale(lambda value: value, lambda value: value)
_SCALES = {
    "Linear": _LINEAR,
    "Logarithmic": Scale(math.log, math.exp),
    "ReverseLogarithmic": Scale(lambda value: -math.log(1 - value), lambda value: 1 - math.exp(-value)),
}


@dataclass(frozen=True)
class NumericRange:
    """Whole or real numbers between two bounds."""

    name: str
    low: float
    high: float
    scale: Scale
    is_integer: bool
    dimensions: int = 1

    @classmethod
    def of(cls, given: Document, *, is_integer: bool) -> NumericRange:
        """From an `IntegerParameterRange` or a `ContinuousParameterRange`. Raises `RangeError`."""
        name, low, high = given["Name"], float(given["MinValue"]), float(given["MaxValue"])
        if not low < high:
            raise RangeError(
                f"range {name!r} goes from {given['MinValue']} to {given['MaxValue']}; MaxValue must be larger"
            )
        scaling = given.get("ScalingType", "Auto")
        if scaling == "Auto":
            scaling = "Logarithmic" if low > 0 and high / low >= _AUTO_LOGARITHMIC_RATIO else "Linear"
        if scaling == "Logarithmic" and low <= 0:
            raise RangeError(
                f"range {name!r} begins at {given['MinValue']}; ScalingType Logarithmic needs values above 0"
            )
        if scaling == "ReverseLogarithmic" and (low < 0 or high >= 1):
            raise RangeError(f"range {name!r} is not within 0 <= x < 1, which ScalingType ReverseLogarithmic needs")
        return cls(name, low, high, _SCALES[scaling], is_integer)

    def value(self, position: float) -> str:
        """The value at a position between 0 and 1."""
        first, last = self.scale.forward(self.low), self.scale.forward(self.high)
        exact = self.scale.backward(first + position * (last - first))
        within = min(max(exact, self.low), self.high)
        return str(round(within)) if self.is_integer else repr(within)

    def coordinates(self, value: str) -> list[float]:
        """The position of a value."""
        first, last = self.scale.forward(self.low), self.scale.forward(self.high)
        return [(self.scale.forward(float(value)) - first) / (last - first)]

    def contains(self, value: str) -> bool:
        """Whether a value, which may not even be a number, is in the range."""
        try:
            return self.low <= float(value) <= self.high
        except ValueError:
            return False


@dataclass(frozen=True)
class CategoricalRange:
    """One of several words. None is nearer to another than the third: each has a coordinate of its own."""

    name: str
    values: tuple[str, ...]

    @property
    def dimensions(self) -> int:
        """One for each value."""
        return len(self.values)

    def value(self, position: float) -> str:
        """The value at a position between 0 and 1."""
        return self.values[min(int(position * len(self.values)), len(self.values) - 1)]

    def coordinates(self, value: str) -> list[float]:
        """One for the value, zero for the others."""
        return [float(value == candidate) for candidate in self.values]

    def contains(self, value: str) -> bool:
        """Whether it is one of the words."""
        return value in self.values


def ranges_of(given: dict[str, Any]) -> list[Range]:
    """From `ParameterRanges`. Raises `RangeError` when there is none or one makes no sense."""
    found: list[Range] = [
        *(NumericRange.of(item, is_integer=True) for item in given.get("IntegerParameterRanges", [])),
        *(NumericRange.of(item, is_integer=False) for item in given.get("ContinuousParameterRanges", [])),
        *(
            CategoricalRange(item["Name"], tuple(item["Values"]))
            for item in given.get("CategoricalParameterRanges", [])
        ),
    ]
    if not found:
        raise RangeError("ParameterRanges holds no range; a tuning job needs at least one")
    return found
