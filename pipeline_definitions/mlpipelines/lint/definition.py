"""A tolerant view of a definition, for the checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from mlpipelines.expressions import JsonObject
from mlpipelines.reading import StepPlace, dependencies, iter_places, own_members, walk_expressions


@dataclass(frozen=True)
class Definition:
    """What the checks look at. Malformed parts are left out; the structure checks report them."""

    json: JsonObject

    @cached_property
    def places(self) -> tuple[StepPlace, ...]:
        """Every step with its place, branches included."""
        return tuple(iter_places(self.json))

    @cached_property
    def place_of(self) -> dict[str, StepPlace]:
        """Steps by name; the first one where a name is used twice."""
        places: dict[str, StepPlace] = {}
        for place in self.places:
            name = place.step.get("Name")
            if isinstance(name, str):
                places.setdefault(name, place)
        return places

    @cached_property
    def parameters(self) -> dict[str, JsonObject]:
        """Parameters by name."""
        entries = objects(self.json.get("Parameters"))
        return {entry["Name"]: entry for entry in entries if isinstance(entry.get("Name"), str)}

    @cached_property
    def waits(self) -> dict[str, tuple[str, ...]]:
        """For each step the names that it waits for, whether there are such steps or not."""
        return {name: dependencies(place.step) for name, place in self.place_of.items()}

    @cached_property
    def expressions(self) -> tuple[tuple[str, JsonObject, tuple[JsonObject, ...]], ...]:
        """Every step with what to call it and the expressions in it; those of its branches are theirs."""
        return tuple((label, step, tuple(walk_expressions(own_members(step)))) for label, step in self.labelled_steps())

    def labelled_steps(self) -> Iterator[tuple[str, JsonObject]]:
        """Every step with what to call it in a sentence."""
        for number, place in enumerate(self.places, start=1):
            name = place.step.get("Name")
            yield (
                (f"step '{name}'" if isinstance(name, str) and name else f"step number {number}"),
                place.step,
            )


Check: TypeAlias = Callable[[Definition], Iterator[str]]
"""A generator of sentences, each naming what is wrong, the value got and the fix."""


def objects(value: object) -> list[JsonObject]:
    """The objects in a list; nothing when it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def member(value: object, *path: str) -> object:
    """The value at a path of object members; `None` where the path ends early."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def names_in(value: object, key: str) -> list[str]:
    """The text under `key` of each object in a list."""
    return [item[key] for item in objects(value) if isinstance(item.get(key), str)]
