"""Conditions of a `ConditionStep`. The conditions of one step must all hold; `Or` and `Not` combine them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mlpipelines.expressions import JsonObject, Value, to_json


class Condition(ABC):
    """Something that is true or false once the steps it refers to are done."""

    @abstractmethod
    def to_json(self) -> JsonObject:
        """The condition as it stands in a pipeline definition."""


@dataclass(frozen=True)
class _Comparison(Condition):
    left: Value
    right: Value
    operator: ClassVar[str]

    def to_json(self) -> JsonObject:
        return {"Type": self.operator, "LeftValue": to_json(self.left), "RightValue": to_json(self.right)}


class Equals(_Comparison):
    """left == right, for text, numbers and booleans."""

    operator = "Equals"


class GreaterThan(_Comparison):
    """left > right, for numbers."""

    operator = "GreaterThan"


class GreaterThanOrEqualTo(_Comparison):
    """left >= right, for numbers."""

    operator = "GreaterThanOrEqualTo"


class LessThan(_Comparison):
    """left < right, for numbers."""

    operator = "LessThan"


class LessThanOrEqualTo(_Comparison):
    """left <= right, for numbers."""

    operator = "LessThanOrEqualTo"


@dataclass(frozen=True)
class In(Condition):
    """The value is one of the values."""

    value: Value
    values: Sequence[Value]

    def to_json(self) -> JsonObject:
        values = [to_json(value) for value in self.values]
        return {"Type": "In", "QueryValue": to_json(self.value), "Values": values}


@dataclass(frozen=True)
class Not(Condition):
    """The condition does not hold."""

    condition: Condition

    def to_json(self) -> JsonObject:
        return {"Type": "Not", "Condition": self.condition.to_json()}


@dataclass(frozen=True)
class Or(Condition):
    """At least one of the conditions holds."""

    conditions: Sequence[Condition]

    def to_json(self) -> JsonObject:
        return {"Type": "Or", "Conditions": [condition.to_json() for condition in self.conditions]}
