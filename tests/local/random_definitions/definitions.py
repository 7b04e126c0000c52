"""Random valid pipeline definitions, as hypothesis draws them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.local.random_definitions.step_types import STEP_TYPES
from tests.local.random_definitions.values import VALUES, Draw, Json, Readable, Values, once_in

Sides = frozenset[tuple[str, bool]]
"""Names of condition steps and the outcomes that they must have."""

MOST_STEPS = 8
DEEPEST_BRANCH = 3
OFTEN = ("Processing",) * 4 + ("Condition",) * 3 + ("Model", "Lambda") * 2 + ("Callback", "RegisterModel", "Fail")
# The last one has twenty characters, which is where the names of jobs cut it off.
BEGINNINGS_OF_NAMES = ("Step", "s-", "A_b", "Step-of-twenty-long-")


@dataclass(frozen=True)
class Scenario:
    """A definition and how its executions are started. A second one finds what the first left in the cache."""

    definition: Json
    parameters: Mapping[str, str] = field(default_factory=dict)
    most_parallel_steps: int | None = None
    executions: int = 1

    @property
    def text(self) -> str:
        """The whole scenario as JSON."""
        return json.dumps(vars(self))


@dataclass(frozen=True)
class Made:
    """A step that others can wait for: what they can read from it, the sides it needs, and whether it is made to fail."""

    name: str
    sides: Sides
    readable: Readable
    fails: bool


@dataclass
class Draft:
    """A definition in the making, `left` steps before its end. Steps wait only for those `made` before them: there is no circle."""

    draw: Draw
    left: int
    parameters: list[Json] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    count: int = 0

    def add_parameters(self) -> dict[str, str]:
        """Parameters of any types; returns the values given for some of them."""
        given = {}
        for kind in self.draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=4)):
            name, value = f"{kind}-{len(self.parameters)}", self.draw(VALUES[kind])
            entry: Json = {"Name": name, "Type": kind}
            if once_in(self.draw, 3):
                entry["EnumValues"] = [*self.draw(st.lists(VALUES[kind], max_size=2)), value]
            if once_in(self.draw, 2):
                given[name] = value if isinstance(value, str) else json.dumps(value)
            if name not in given or once_in(self.draw, 2):
                entry["DefaultValue"] = self.draw(st.sampled_from(entry.get("EnumValues", [value])))
            self.parameters.append(entry)
        return given

    def steps(self, most: int, sides: Sides, depth: int) -> list[Json]:
        """Steps of one list, written in any order."""
        steps: list[Json] = []
        while self.left and len(steps) < most:
            steps.append(self.step(sides, depth))
        return list(self.draw(st.permutations(steps)))

    def step(self, sides: Sides, depth: int) -> Json:
        """One step of any type that fits here, reading from some made before and waiting for others."""
        self.left -= 1
        self.count += 1
        step: Json = {"Name": f"{self.draw(st.sampled_from(BEGINNINGS_OF_NAMES))}{self.count}"}
        read = self.pick(sides, {made.name for made in self.made if made.fails}, 2)
        sides = sides.union(*(made.sides for made in read))
        awaited = self.pick(sides, {made.name for made in read}, 1)
        sides = sides.union(*(made.sides for made in awaited))
        # A Fail step that waits for nothing would end everything at once.
        kinds = [kind for kind in OFTEN if kind != "Condition" or depth < DEEPEST_BRANCH]
        step["Type"] = self.draw(st.sampled_from([kind for kind in kinds if kind != "Fail" or read or sides]))
        self.add_dependencies(step, read, awaited)
        readable = STEP_TYPES[step["Type"]](step, Values(self.draw, self.parameters, [made.readable for made in read]))
        if step["Type"] == "Condition":
            for member, outcome in (("IfSteps", True), ("ElseSteps", False)):
                most = self.draw(st.integers(0, 2))
                step["Arguments"][member] = self.steps(most, sides | {(step["Name"], outcome)}, depth + 1)
        if step["Type"] != "Fail":
            self.made.append(Made(step["Name"], sides, readable, _is_made_to_fail(step)))
        return step

    def pick(self, sides: Sides, but_for: set[str], most: int) -> list[Made]:
        """Some of the steps that can run together with what needs these sides."""
        picked: list[Made] = []
        for _ in range(self.draw(st.integers(0, most))):
            needed = sides.union(*(made.sides for made in picked))
            taken = but_for | {made.name for made in picked}
            fitting = [made for made in self.made if made.name not in taken and not _contradict(made.sides, needed)]
            failing = [made for made in fitting if made.fails]
            if fitting:
                picked.append(self.draw(st.sampled_from(failing if failing and once_in(self.draw, 2) else fitting)))
        return picked

    def add_dependencies(self, step: Json, read: list[Made], awaited: list[Made]) -> None:
        """DependsOn in its forms. A step that is read from must have succeeded; for others there are triggers."""
        entries: list[Json] = []
        for made in read:
            entries += self.draw(st.sampled_from(([], [made.name], [{"Step": made.name}])))
        for made in awaited:
            triggers = ("Failed", "Any") if made.fails else ("Completed", "Failed", "Any", "Any")
            trigger = {"Step": made.name, "Trigger": self.draw(st.sampled_from(triggers))}
            entries += self.draw(st.sampled_from(([made.name], [trigger], [trigger])))
        if entries:
            step["DependsOn"] = entries


def _is_made_to_fail(step: Json) -> bool:
    arguments = step["Arguments"]
    return arguments.get("Fails") is True or "EXIT" in arguments.get("Environment", ())


def _contradict(left: Sides, right: Sides) -> bool:
    return any((condition, not outcome) in right for condition, outcome in left)


@st.composite
def scenarios(draw: Draw) -> Scenario:
    """Valid definitions of 1 to 8 steps, with the parameters that their executions are started with."""
    draft = Draft(draw, left=draw(st.integers(1, MOST_STEPS)))
    given = draft.add_parameters()
    steps = draft.steps(MOST_STEPS, frozenset(), 0)
    definition: dict[str, Any] = {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": draft.parameters,
        "Steps": steps,
    }
    is_cached = '"Enabled": true' in json.dumps(definition)
    return Scenario(definition, given, draw(st.sampled_from((None, None, 1, 2))), 2 if is_cached else 1)
