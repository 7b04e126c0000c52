"""Valid definitions with something wrong in them, as hypothesis draws them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.local.random_definitions.definitions import Scenario, scenarios

Json = Any
Draw = Any
Node = tuple[Any, Any]
"""A list or an object, and the index or the key of something in it."""

# fmt: off
NUMBERS = (0, -1, 1.5, 10**30, 1e308, float("nan"), float("inf"))
ODD: tuple[Json, ...] = (
    None, True, "", "x", "\0", "\ud800", "a" * 5000, "../../x", "s3://", "Steps.", [], {}, [[]], [None], [{}],
    {"Get": "Parameters.Nowhere"}, {"Get": "Steps.Nowhere.Name"}, {"Get": 5}, {"Get": ""}, {"Get": "Execution.PipelineName"},
    {"Std:Join": None}, {"Std:Join": {"On": 1, "Values": [{}]}}, {"Std:Join": {"On": "", "Values": [None, [], 1e308]}},
    {"Std:JsonGet": {}}, {"Std:JsonGet": {"S3Uri": "x", "Path": "a"}}, {"Std:JsonGet": {"S3Uri": "s3://no/where", "Path": ""}},
    {"Type": "Not", "Condition": None}, {"Step": None},
)
TEXTS = ("", "[]", "5", "null", "{", '{"Version": "2020-12-01", "Steps": [{}]}', '"text"', "[[[", "\ud800", "{}")
PATHS = (
    "", ".", "Steps", "Steps.", "Steps..", "Parameters", "Parameters.", "Parameters.Nowhere", "Execution.Nowhere",
    "Steps.Nowhere.ModelName", "Nowhere.X",
)
TAILS = ("[0]", "[99999999999999999999]", ".Nowhere", "['x", "[]", "[-1]", "..", "\0")
VALUES: tuple[Json, ...] = ("", "x", "nan", "1e999", "1_0", "9" * 5000, "\u0661", " 1", "\0", "\ud800", 5, None, True, {}, [])
DEEP = {
    "list": ("[", "1", "]"),
    "object": ('{"a": ', "1", "}"),
    "join": ('{"Std:Join": {"On": "", "Values": [', '"x"', "]}}"),
    "digits": ("1", "1", "1"),
    "not": ('{"Type": "Not", "Condition": ', '{"Type": "Equals", "LeftValue": 1, "RightValue": 1}', "}"),
}
# fmt: on
DEPTHS = (10, 100, 1_000, 20_000)
# To wait for long before the next attempt is no fault of the engine's, so these stay as short as they are.
PATIENCE = ("IntervalSeconds", "BackoffRate")


@dataclass
class Mutant:
    """A definition's text and a request to start it, and what was done to them."""

    definition: Json
    parameters: dict[str, Json]
    most_parallel_steps: Json
    done: list[str] = field(default_factory=list)
    deep: dict[str, str] = field(default_factory=dict, repr=False)
    replaced: str | None = None

    @property
    def definition_text(self) -> str:
        """The JSON that is sent. What is too deep for Python is put in here."""
        if self.replaced is not None:
            return self.replaced
        text = json.dumps(self.definition)
        for mark, value in self.deep.items():
            text = text.replace(json.dumps(mark), value)
        return text

    @property
    def text(self) -> str:
        """All of it, with deep values by their names."""
        return json.dumps([self.replaced or self.definition, self.parameters, self.most_parallel_steps, self.done])


def _nodes(value: Json) -> Iterator[Node]:
    """Every place in a JSON value."""
    items = (
        list(value.items() if isinstance(value, dict) else enumerate(value)) if isinstance(value, dict | list) else []
    )
    for key, item in items:
        yield value, key
        yield from _nodes(item)


def _steps(mutant: Mutant) -> list[Json]:
    found = (container[key] for container, key in _nodes(mutant.definition))
    return [item for item in found if isinstance(item, dict) and "Name" in item and "Arguments" in item]


def _one(draw: Draw, items: list[Any]) -> Any:
    """One of the items; by its index, for `sampled_from` looks at every item of a long list."""
    return items[draw(st.integers(0, len(items) - 1))]


def _pick(draw: Draw, mutant: Mutant) -> Node | None:
    nodes = list(_nodes(mutant.definition))
    return _one(draw, nodes) if nodes else None


def replace(draw: Draw, mutant: Mutant) -> None:
    """Something of another type, or of none that fits."""
    if node := _pick(draw, mutant):
        container, key = node
        container[key] = copy.deepcopy(draw(st.sampled_from(ODD if key in PATIENCE else (*ODD, *NUMBERS))))


def remove(draw: Draw, mutant: Mutant) -> None:
    """A member or an entry that is not there."""
    if node := _pick(draw, mutant):
        del node[0][node[1]]


def transplant(draw: Draw, mutant: Mutant) -> None:
    """Something that belongs elsewhere."""
    there, here = _pick(draw, mutant), _pick(draw, mutant)
    if here and there and here[1] not in PATIENCE:
        here[0][here[1]] = copy.deepcopy(there[0][there[1]])


def repeat(draw: Draw, mutant: Mutant) -> None:
    """An entry that is there twice."""
    lists = [container[key] for container, key in _nodes(mutant.definition) if isinstance(container[key], list)]
    if filled := [entries for entries in lists if entries]:
        entries = _one(draw, filled)
        entries.append(copy.deepcopy(_one(draw, entries)))


def add(draw: Draw, mutant: Mutant) -> None:
    """A member that nobody knows, or that belongs to others."""
    objects = [container for container, _ in _nodes(mutant.definition) if isinstance(container, dict)]
    if objects:
        name = draw(
            st.sampled_from(("Extra", "Type", "DependsOn", "CacheConfig", "RetryPolicies", "PropertyFiles", "Tags"))
        )
        _one(draw, objects)[name] = copy.deepcopy(draw(st.sampled_from(ODD)))


def misspell(draw: Draw, mutant: Mutant) -> None:
    """A word that is nearly right."""
    words = [node for node in _nodes(mutant.definition) if isinstance(node[0][node[1]], str) and node[0][node[1]]]
    if words:
        container, key = _one(draw, words)
        word = container[key]
        container[key] = draw(
            st.sampled_from((word[1:], word[:-1], word.upper(), word.lower(), word + word[-1], word + " "))
        )


def misdirect(draw: Draw, mutant: Mutant) -> None:
    """A reference to what is not there."""
    nodes = _nodes(mutant.definition)
    gets = [container for container, key in nodes if key == "Get" and isinstance(container[key], str)]
    if gets:
        get = _one(draw, gets)
        path = get["Get"]
        get["Get"] = draw(
            st.sampled_from((*PATHS, *(path + tail for tail in TAILS), path[:-1], path.replace(".", "..", 1)))
        )


def circle(draw: Draw, mutant: Mutant) -> None:
    """Steps that wait for each other, or one for itself."""
    if steps := _steps(mutant):
        one, other = _one(draw, steps), _one(draw, steps)
        for step, waited in ((one, other), (other, one)):
            if isinstance(step.setdefault("DependsOn", []), list):
                step["DependsOn"].append(waited["Name"])


def bury(draw: Draw, mutant: Mutant) -> None:
    """A value deeper than anybody writes one."""
    if node := _pick(draw, mutant):
        kind, depth = draw(st.sampled_from(sorted(DEEP))), draw(st.sampled_from(DEPTHS))
        opening, middle, closing = DEEP[kind]
        mark = f"{kind}, {depth} deep"
        node[0][node[1]] = mark
        mutant.deep[mark] = opening * depth + middle + closing * depth


def garble(draw: Draw, mutant: Mutant) -> None:
    """Text that is no definition, or not JSON."""
    whole = json.dumps(mutant.definition)
    mutant.replaced = draw(st.sampled_from((*TEXTS, whole[: len(whole) // 2], whole + "]", whole.replace(":", ",", 1))))


def start_wrongly(draw: Draw, mutant: Mutant) -> None:
    """A request to start that does not fit the definition."""
    names = [
        *mutant.parameters,
        *(entry.get("Name") for entry in mutant.definition.get("Parameters") or [] if isinstance(entry, dict)),
        "x",
    ]
    mutant.parameters[str(draw(st.sampled_from(names)))] = draw(st.sampled_from(VALUES))
    mutant.most_parallel_steps = draw(st.sampled_from((None, 1, 0, -1, 10**10, "x", 1.5, {})))


MUTATIONS: tuple[Callable[[Draw, Mutant], None], ...] = (
    *(replace, remove, transplant, repeat, add, misspell, misdirect) * 3,
    *(circle, bury, start_wrongly) * 2,
    garble,
)


@st.composite
def mutants(draw: Draw) -> Mutant:
    """A valid definition with one to three mutations."""
    scenario: Scenario = draw(scenarios())
    mutant = Mutant(copy.deepcopy(scenario.definition), dict(scenario.parameters), scenario.most_parallel_steps)
    for mutation in draw(st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=3)):
        mutation(draw, mutant)
        mutant.done.append(mutation.__name__)
    return mutant
