"""Read a plain pipeline definition: its steps, branches included, and what they refer to.

Used by the lint and by the embedded engine. Nothing here fails on malformed JSON: what has not the form of a
step or an expression is passed over (`problems_in` reports it). No recursion, so depth is no limit either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlpipelines.expressions import JsonObject

Branch: TypeAlias = Literal["IfSteps", "ElseSteps"]
_BRANCHES: tuple[Branch, Branch] = ("IfSteps", "ElseSteps")
_EXPRESSION_KEYS = frozenset({"Get", "Std:Join", "Std:JsonGet"})
_STEP_PATH = re.compile(r"Steps\.([^.\[]+)(?:\.?(.+))?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class StepPlace:
    """A step and where it stands: `branches` holds the condition steps around it, outermost first."""

    step: JsonObject
    branches: tuple[tuple[str, Branch], ...] = ()


def iter_places(definition: object) -> Iterator[StepPlace]:
    """Every step of a definition with its place, as written; a condition step comes before its branches."""
    pending = [StepPlace(step=step) for step in reversed(_steps_in(definition, "Steps"))]
    while pending:
        place = pending.pop()
        yield place
        if place.step.get("Type") != "Condition":
            continue
        inner = [
            StepPlace(step=step, branches=(*place.branches, (str(place.step.get("Name")), branch)))
            for branch in _BRANCHES
            for step in _steps_in(place.step.get("Arguments"), branch)
        ]
        pending.extend(reversed(inner))


def iter_steps(definition: object) -> Iterator[JsonObject]:
    """Every step of a definition, the steps in branches of condition steps included."""
    return (place.step for place in iter_places(definition))


def is_expression(value: object) -> bool:
    """Whether a JSON value is formed as an expression: an object with only Get, Std:Join or Std:JsonGet."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in _EXPRESSION_KEYS


def walk_expressions(value: object) -> Iterator[JsonObject]:
    """Every expression in a JSON value, outer before inner, in the order written."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if is_expression(item):
                yield item
            pending.extend(reversed(list(item.values())))
        elif isinstance(item, list | tuple):
            pending.extend(reversed(item))


def referenced_steps(value: object) -> tuple[str, ...]:
    """Names of the steps that the expressions in a JSON value read from, each once, in the order met.

    For a condition step pass `own_members(step)`, not the step: its branches refer for themselves.
    """
    paths = (expression.get("Get") for expression in walk_expressions(value))
    splits = (split_step_path(path) for path in paths)
    return tuple(dict.fromkeys(split[0] for split in splits if split))


def split_step_path(path: object) -> tuple[str, str] | None:
    """`Steps.Train.ModelArtifacts.S3ModelArtifacts` as (`Train`, `ModelArtifacts.S3ModelArtifacts`).

    The second part is empty when the path names only the step; `None` when it is not the path of a step.
    """
    match = _STEP_PATH.fullmatch(path) if isinstance(path, str) else None
    return (match[1], match[2] or "") if match else None


def own_members(step: JsonObject) -> JsonObject:
    """The step without what belongs to other steps: the branches of a condition step."""
    arguments = step.get("Arguments")
    if step.get("Type") != "Condition" or not isinstance(arguments, dict):
        return step
    own = {name: value for name, value in arguments.items() if name not in _BRANCHES}
    return {**step, "Arguments": own}


def dependencies(step: JsonObject) -> tuple[str, ...]:
    """Names of the steps that a step waits for: those in `DependsOn`, then those it refers to, each once.

    The condition step around a step in a branch is not among them; see `StepPlace.branches`.
    """
    return tuple(dict.fromkeys((*depends_on(step), *referenced_steps(own_members(step)))))


def depends_on(step: JsonObject) -> tuple[str, ...]:
    """Names in `DependsOn`, each written as text or as `{"Step": name, "Trigger": ..}`."""
    entries = step.get("DependsOn")
    if not isinstance(entries, list):
        return ()
    names = (entry.get("Step") if isinstance(entry, dict) else entry for entry in entries)
    return tuple(name for name in names if isinstance(name, str))


def _steps_in(container: object, member: str) -> list[JsonObject]:
    steps = container.get(member) if isinstance(container, dict) else None
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
