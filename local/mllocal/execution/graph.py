"""The order of steps: a flat view of a definition with what each step waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlpipelines import StepPlace, dependencies, iter_places

DEFAULT_TRIGGER = "Completed"
TRIGGERS: dict[str, frozenset[str]] = {
    "Completed": frozenset({"Succeeded"}),
    "Failed": frozenset({"Failed"}),
    "Stopped": frozenset({"Stopped"}),
    "Any": frozenset({"Succeeded", "Failed", "Stopped"}),
}
"""Run conditions of `DependsOn` entries (`TriggerCondition` of the `sagemaker` SDK 3) and the step statuses they let pass."""


@dataclass(frozen=True)
class Node:
    """A step, the steps it waits for, and the branch of a condition step it belongs to, if any.

    `triggers` has the run conditions of those it waits for, where they are not the default.
    """

    step: dict[str, Any]
    waits_for: frozenset[str]
    branch: tuple[str, bool] | None
    triggers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The step's name."""
        name: str = self.step["Name"]
        return name

    def runs_after(self, other: str, status: str) -> bool:
        """Whether this step runs when one it waits for has ended so."""
        return status in TRIGGERS[self.triggers.get(other, DEFAULT_TRIGGER)]

    def handles(self, other: str, status: str) -> bool:
        """Whether this step is there for when another one ends so, badly."""
        return other in self.triggers and self.runs_after(other, status)


def nodes_of(definition: dict[str, Any]) -> dict[str, Node]:
    """Every step of a definition by name, nested ones included, in the order they are written."""
    return {str(place.step["Name"]): _node(place) for place in iter_places(definition)}


def triggers_of(step: Mapping[str, Any]) -> dict[str, str]:
    """The run conditions that a step's `DependsOn` writes out, by the name of the other step."""
    entries = step.get("DependsOn") or ()
    return {entry["Step"]: entry["Trigger"] for entry in entries if isinstance(entry, dict) and entry.get("Trigger")}


def _node(place: StepPlace) -> Node:
    waits_for = set(dependencies(place.step))
    branch = None
    if place.branches:
        condition, side = place.branches[-1]
        waits_for.add(condition)
        branch = (condition, side == "IfSteps")
    # JSON null stands for a member that is left out.
    step = {name: value for name, value in place.step.items() if value is not None}
    return Node(step, frozenset(waits_for), branch, triggers_of(step))
