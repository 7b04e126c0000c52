"""The language of pipeline definitions, as `reference` reads it: where steps stand, what they wait for, what values are. Imports
nothing of this project; see `reference` for the sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = Any
PATH = re.compile(r"\.?([A-Za-z0-9_\-]+)|\[(\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
NAME_FIELDS = {"Outputs": "OutputName"}


class StepFailed(Exception):  # noqa: N818 - what happens to a step, not a defect
    """A step that fails, whatever its reason."""


@dataclass(frozen=True)
class Place:
    """A step, the condition step around it and the side it stands on."""

    step: Json
    condition: str | None = None
    side: bool = True

    @property
    def triggers(self) -> dict[str, str]:
        """The steps in DependsOn and when they let this one start: text means Completed."""
        entries = self.step.get("DependsOn") or []
        return {
            entry if isinstance(entry, str) else entry["Step"]: "Completed"
            if isinstance(entry, str)
            else entry.get("Trigger", "Completed")
            for entry in entries
        }

    @property
    def waits_for(self) -> set[str]:
        """A step starts when all that it depends on, refers to, or stands in has ended."""
        return {*self.triggers, *references(own_part(self.step)), *([self.condition] if self.condition else [])}


def places(steps: list[Json], condition: str | None = None, side: bool = True) -> Iterator[Place]:
    """Every step, those in branches included."""
    for step in steps:
        yield Place(step, condition, side)
        if step["Type"] == "Condition":
            yield from places(step["Arguments"].get("IfSteps", []), step["Name"], True)
            yield from places(step["Arguments"].get("ElseSteps", []), step["Name"], False)


def own_part(step: Json) -> Json:
    """A step without the steps in its branches."""
    arguments = {name: value for name, value in step["Arguments"].items() if name not in ("IfSteps", "ElseSteps")}
    return {**step, "Arguments": arguments}


def references(value: Json) -> set[str]:
    """The steps that a value's expressions read from."""
    if isinstance(value, dict):
        path = value.get("Get") if len(value) == 1 else None
        here = {path.split(".")[1]} if isinstance(path, str) and path.startswith("Steps.") else set()
        return here.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()


def output_names(step: Json) -> list[str]:
    """The outputs that a Lambda or Callback step declares."""
    return [output["OutputName"] for output in step.get("OutputParameters", [])]


def typed(kind: str, given: str) -> Json:
    """Parameters are given as text and have a type."""
    if kind == "Boolean":
        return given.lower() == "true"
    return {"String": str, "Integer": int, "Float": float}[kind](given)


def text(value: Json) -> str:
    """In a Join, numbers and booleans as JSON writes them."""
    return value if isinstance(value, str) else json.dumps(value)


def equal(left: Json, right: Json) -> bool:
    """Values are equal as JSON's are: 1 and 1.0 are, 1 and true and '1' are not."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def is_a_number(value: Json) -> bool:
    """JSON's true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def look_up(document: Json, path: str) -> Json:
    """The value at a definite path such as `a.b[0]['c']`; outputs of a job are found by their name."""
    position, parent = 0, ""
    while position < len(path):
        part = PATH.match(path, position) or fail(f"{path} is no path")
        key = next(group for group in part.groups() if group is not None)
        try:
            if parent in NAME_FIELDS and isinstance(document, list):
                document = next(item for item in document if item[NAME_FIELDS[parent]] == key)
            else:
                document = document[int(key) if part[2] else key]
        except (KeyError, IndexError, TypeError, StopIteration):
            fail(f"{path} has no value")
        position, parent = part.end(), key
    return document


def compare(kind: str, left: Json, right: Json) -> bool:
    """Anything may be equal; only numbers have an order here, which is what the SDK's examples compare."""
    if kind == "Equals":
        return equal(left, right)
    if not (is_a_number(left) and is_a_number(right)):
        fail(f"{kind} of what are no numbers")
    if left == right:
        return kind.endswith("OrEqualTo")
    return bool(left > right) == kind.startswith("GreaterThan")


def fail(reason: str) -> Any:
    """End the step that runs."""
    raise StepFailed(reason)
