"""The order of steps: a flat view of a definition with what each step waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlpipelines import StepPlace, dependencies, iter_places


@dataclass(frozen=True)
class Node:
    """A step, the steps it waits for, and the branch of a condition step it belongs to, if any."""

    step: dict[str, Any]
    waits_for: frozenset[str]
    branch: tuple[str, bool] | None

    @property
    def name(self) -> str:
        """The step's name."""
        name: str = self.step["Name"]
        return name


def nodes_of(definition: dict[str, Any]) -> dict[str, Node]:
    """Every step of a definition by name, nested ones included, in the order they are written."""
    return {str(place.step["Name"]): _node(place) for place in iter_places(definition)}


def _node(place: StepPlace) -> Node:
    waits_for = set(dependencies(place.step))
    branch = None
    if place.branches:
        condition, side = place.branches[-1]
        waits_for.add(condition)
        branch = (condition, side == "IfSteps")
    return Node(dict(place.step), frozenset(waits_for), branch)
