"""Pipelines that were made elsewhere: a definition as it is, its texts with their places, and a copy with others.

Nothing here knows where a definition comes from; `mlplatform.SageMakerPipeline` uses it for the `sagemaker` SDK's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlpipelines.expressions import JsonObject
from mlpipelines.pipeline import Pipeline
from mlpipelines.steps import Step


@dataclass(frozen=True, kw_only=True)
class GivenPipeline(Pipeline):
    """A pipeline whose definition is given as JSON, in place of typed steps and parameters."""

    body: JsonObject
    steps: Sequence[Step] = ()

    def definition(self) -> JsonObject:
        """The definition that was given."""
        return self.body


@dataclass(frozen=True, kw_only=True)
class Place:
    """A text in a definition: the step it stands in (none for what belongs to the pipeline), and the way to it."""

    text: str
    path: tuple[str, ...]
    step: str | None = None

    @property
    def member(self) -> str:
        """The member that holds the text, such as `RoleArn`."""
        return self.path[-1] if self.path else ""

    def __str__(self) -> str:
        where = ".".join(self.path)
        return f"step '{self.step}', {where}" if self.step else where


def texts(definition: JsonObject) -> list[Place]:
    """Every text in a definition, in the order written. Names of members are not texts."""
    found: list[Place] = []
    _find(definition, (), None, found)
    return found


def with_texts(definition: JsonObject, change: Callable[[Place], str]) -> JsonObject:
    """A copy of a definition in which each text is what `change` says."""
    copied = _copy(definition, (), None, change)
    if not isinstance(copied, dict):
        raise TypeError("a definition is a JSON object")
    return copied


def _find(value: object, path: tuple[str, ...], step: str | None, found: list[Place]) -> None:
    if isinstance(value, str):
        found.append(Place(text=value, path=path, step=step))
    elif isinstance(value, list):
        for item in value:
            _find(item, path, step, found)
    elif isinstance(value, dict):
        path, step = _place_of(value, path, step)
        for name, item in value.items():
            _find(item, (*path, name), step, found)


def _copy(value: object, path: tuple[str, ...], step: str | None, change: Callable[[Place], str]) -> object:
    if isinstance(value, str):
        return change(Place(text=value, path=path, step=step))
    if isinstance(value, list):
        return [_copy(item, path, step, change) for item in value]
    if not isinstance(value, dict):
        return value
    path, step = _place_of(value, path, step)
    return {name: _copy(item, (*path, name), step, change) for name, item in value.items()}


def _place_of(value: JsonObject, path: tuple[str, ...], step: str | None) -> tuple[tuple[str, ...], str | None]:
    """Where the members of an object stand: those of a step begin a way of their own."""
    is_step = path and path[-1] in _HOLD_STEPS and "Type" in value and isinstance(value.get("Name"), str)
    return ((), value["Name"]) if is_step else (path, step)


_HOLD_STEPS = ("Steps", "IfSteps", "ElseSteps")
