"""Random values of a step: literals and expressions of the parameters, execution variables and steps that it can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Json = Any
Draw = Any
Readable = Mapping[str, tuple[Json, ...]]
"""Expressions by their sort: text, number, truth, and missing for what is not there."""

VALUES = {
    "String": st.sampled_from(("", "red", "blue", "a b", "it's", '"quoted"', "100%", "$HOME", "grün")),
    "Integer": st.integers(-2, 4),
    "Float": st.sampled_from((0.0, 0.5, 1.0, 2.5, -1.5)),
    "Boolean": st.booleans(),
}
SORTS = {"String": "text", "Integer": "number", "Float": "number", "Boolean": "truth"}
LITERALS = {
    "text": VALUES["String"],
    "number": st.sampled_from((0, 1, 2, 3, -1, 0.5, 2.5)),
    "truth": VALUES["Boolean"],
}
ORDERINGS = ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")
EXECUTION_VARIABLES = (
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "StartDateTime",
    "CurrentDateTime",
)
# A report, and the paths of numbers in it, of text, and of nothing.
REPORT = {"score": 2.5, "counts": [1, {"a b": 3}], "words": {"best": "red", "all": ["blue", "it's"]}}
NUMBER_PATHS = ("score", "counts[0]", "counts[1]['a b']", "$.score", "$.counts[0]", "$['score']")
TEXT_PATHS = ("words.best", "words.all[1]", "$.words['best']")
MISSING_PATH = "words.worst"


def once_in(draw: Draw, times: int) -> bool:
    """True once in so many times; the smallest examples have it never."""
    return bool(draw(st.integers(1, times)) == times)


@dataclass(frozen=True)
class Values:
    """What the expressions of one step can read."""

    draw: Draw
    parameters: list[Json]
    readable: list[Readable]

    def expressions(self, sort: str) -> list[Json]:
        """Every expression of a sort."""
        return [
            *(expression for step in self.readable for expression in step.get(sort, ())),
            *({"Get": f"Parameters.{entry['Name']}"} for entry in self.parameters if SORTS[entry["Type"]] == sort),
            *({"Get": f"Execution.{name}"} for name in EXECUTION_VARIABLES if sort == "text"),
        ]

    def one(self, sort: str) -> Json:
        """A literal or an expression of a sort."""
        expressions = self.expressions(sort)
        if not expressions or once_in(self.draw, 3):
            return self.draw(LITERALS[sort])
        return self.draw(st.sampled_from(expressions))

    def any(self) -> Json:
        """A value of any sort."""
        return self.one(self.draw(st.sampled_from(sorted(LITERALS))))

    def of(self, kind: str) -> Json:
        """A value of a parameter's type. An expression of a number may be of either type, so numbers are literals."""
        return self.draw(VALUES[kind]) if SORTS[kind] == "number" else self.one(SORTS[kind])

    def text(self, depth: int = 0) -> Json:
        """A literal, an expression, or a join of values of any sort, in which numbers and booleans become text."""
        if depth < 2 and once_in(self.draw, 3):
            parts = range(self.draw(st.integers(0, 3)))
            values = [self.text(depth + 1) if once_in(self.draw, 2) else self.any() for _ in parts]
            return {"Std:Join": {"On": self.draw(st.sampled_from(("", "-", "/", ", "))), "Values": values}}
        return self.one("text")

    def variables(self) -> dict[str, Json]:
        """Some environment variables."""
        return {f"VARIABLE_{number}": self.text() for number in range(self.draw(st.integers(0, 2)))}

    def outputs(self) -> dict[str, tuple[str, Json]]:
        """Some outputs with their types and values."""
        kinds = self.draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3))
        return {f"{kind.lower()}_{number}": (kind, self.of(kind)) for number, kind in enumerate(kinds)}

    def report(self) -> Json:
        """The text of a report: a literal, with a number put in, or no JSON at all."""
        if once_in(self.draw, 10):
            return "no JSON"
        before, after = json.dumps(REPORT).split("2.5", 1)
        if once_in(self.draw, 2):
            return {"Std:Join": {"On": "", "Values": [before, self.one("number"), after]}}
        return json.dumps(REPORT)

    def conditions(self) -> list[Json]:
        """The conditions of a condition step."""
        missing = self.expressions("missing")
        if missing and once_in(self.draw, 5):
            return [{"Type": "Equals", "LeftValue": missing[0], "RightValue": 1}]
        return [self.condition(2) for _ in range(self.draw(st.sampled_from((1, 1, 1, 2, 3))))]

    def condition(self, depth: int) -> Json:
        """A condition of any type; with `depth` 0, of one without conditions inside."""
        kinds = ("Equals", "Equals", *ORDERINGS, "In", *(("Not", "Or") if depth else ()))
        kind = self.draw(st.sampled_from(kinds))
        sort = "number" if kind in ORDERINGS else self.draw(st.sampled_from(sorted(LITERALS)))
        match kind:
            case "Not":
                return {"Type": "Not", "Condition": self.condition(depth - 1)}
            case "Or":
                several = [self.condition(depth - 1) for _ in range(self.draw(st.integers(1, 3)))]
                return {"Type": "Or", "Conditions": several}
            case "In":
                values = [self.any() for _ in range(self.draw(st.integers(1, 3)))]
                return {"Type": "In", "QueryValue": self.one(sort), "Values": values}
        right = self.any() if kind == "Equals" and once_in(self.draw, 4) else self.one(sort)
        return {"Type": kind, "LeftValue": self.one(sort), "RightValue": right}


def get(step: str, path: str) -> Json:
    """A property of a step."""
    return {"Get": f"Steps.{step}.{path}"}


def json_get(source: Json, path: str) -> Json:
    """A value in a property file or in an object in S3."""
    return {"Std:JsonGet": {**source, "Path": path}}
