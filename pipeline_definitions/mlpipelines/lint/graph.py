"""Checks of the graph: circles, branches that exclude each other, steps that can never run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from mlpipelines.lint.definition import Check, Definition
from mlpipelines.reading import Branch, depends_on

_BranchKey: TypeAlias = tuple[str, Branch]

_OTHER: dict[Branch, Branch] = {"IfSteps": "ElseSteps", "ElseSteps": "IfSteps"}
_WORDS: dict[Branch, str] = {"IfSteps": "if", "ElseSteps": "else"}


def _waits(definition: Definition) -> dict[str, list[str]]:
    """For each step the known steps that it waits for; a step in a branch waits for its condition step."""
    places = definition.place_of
    waits: dict[str, list[str]] = {}
    for name, place in places.items():
        around = [condition for condition, _ in place.branches[-1:]]
        needed = dict.fromkeys((*definition.waits[name], *around))
        waits[name] = [other for other in needed if other in places and other != name]
    return waits


def _order(waits: Mapping[str, list[str]]) -> list[str]:
    """The steps that can be put in an order in which each comes after what it waits for."""
    open_count = {name: len(needed) for name, needed in waits.items()}
    followers: dict[str, list[str]] = {name: [] for name in waits}
    for name, needed in waits.items():
        for other in needed:
            followers[other].append(name)
    order = [name for name, count in open_count.items() if count == 0]
    for name in order:
        for follower in followers[name]:
            open_count[follower] -= 1
            if open_count[follower] == 0:
                order.append(follower)
    return order


def circles(definition: Definition) -> Iterator[str]:
    """No step waits, over whatever other steps, for itself."""
    waits = _waits(definition)
    while True:
        waits = _without(waits, set(_order(waits)))
        if not waits:
            return
        circle = _circle_in(waits)
        path = " -> ".join(f"'{name}'" for name in (*circle, circle[0]))
        yield f"steps wait for each other in a circle: {path}; remove one of these references"
        waits = _without(waits, circle)


def _without(waits: Mapping[str, list[str]], gone: Collection[str]) -> dict[str, list[str]]:
    return {
        name: [other for other in needed if other not in gone] for name, needed in waits.items() if name not in gone
    }


def _circle_in(waits: Mapping[str, list[str]]) -> list[str]:
    """Every step waits for one that is left, so that following them comes round."""
    path = [next(iter(waits))]
    while True:
        following = waits[path[-1]][0]
        if following in path:
            return path[path.index(following) :]
        path.append(following)


def excluded_branches(definition: Definition) -> Iterator[str]:
    """A step in one branch does not wait for a step in the other branch."""
    for name, place in definition.place_of.items():
        for other in definition.waits[name]:
            target = definition.place_of.get(other)
            if target is None:
                continue
            for condition, branch in place.branches:
                if (condition, _OTHER[branch]) in target.branches:
                    there = _WORDS[_OTHER[branch]]
                    yield (
                        f"step '{name}' in the {_WORDS[branch]}-branch of '{condition}' waits for step"
                        f" '{other}' in its {there}-branch, and only one of them runs; move one of the two"
                    )


def steps_after_the_end(definition: Definition) -> Iterator[str]:
    """No step waits for a step that ends the execution."""
    for name, place in definition.place_of.items():
        for other in dict.fromkeys(depends_on(place.step)):
            target = definition.place_of.get(other)
            if target is not None and target.step.get("Type") == "Fail" and other != name:
                yield (
                    f"step '{name}' depends on step '{other}' of type Fail, which ends the execution, so it"
                    " can never run; depend on another step"
                )


def steps_that_need_both_branches(definition: Definition) -> Iterator[str]:
    """No step waits, over whatever other steps, for both branches of a condition."""
    waits, places = _waits(definition), definition.place_of
    needed: dict[str, dict[_BranchKey, str]] = {}
    for name in _order(waits):
        here: dict[_BranchKey, str] = {}
        for other in waits[name]:
            here |= dict.fromkeys((*places[other].branches, *needed[other]), other)
        for condition, branch in _both_sides(places[name].branches, here):
            first, second = here[condition, branch], here.get((condition, _OTHER[branch]))
            if second is None and (condition, branch) in places[first].branches:
                continue  # `excluded_branches` says so
            through = f"'{first}' and '{second}'" if second else f"its own place and '{first}'"
            yield (
                f"step '{name}' needs both branches of '{condition}', through {through}, and only one of them"
                f" runs; wait for one of them, or for '{condition}'"
            )
            here = {key: via for key, via in here.items() if key[0] != condition}
        needed[name] = here


def _both_sides(own: Iterable[_BranchKey], needed: Mapping[_BranchKey, str]) -> list[_BranchKey]:
    """The conditions of which a step with these own branches needs both sides, each with one needed side."""
    required = {*own, *needed}
    found: dict[str, _BranchKey] = {}
    for condition, branch in needed:
        if (condition, _OTHER[branch]) in required:
            found.setdefault(condition, (condition, branch))
    return list(found.values())


CHECKS: tuple[Check, ...] = (
    circles,
    excluded_branches,
    steps_after_the_end,
    steps_that_need_both_branches,
)
