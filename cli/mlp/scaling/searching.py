"""What `mlp scaling tune` searches, by the kind of endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from mlp.errors import bad_input
from mlp.scaling.inputs import Inputs, refuse_demands
from mlscaling.policies.planned import Event
from mlscaling.policies.scaling import Objective
from mlscaling.search.asynchronous import compile_backlog
from mlscaling.search.choosing import Compiled
from mlscaling.search.realtime import compile_policy
from mlscaling.search.serverless import compile_warm


class _Limits(TypedDict):
    """What every search is told."""

    minimum: int
    maximum: int
    load_test_error: float


@dataclass(frozen=True, kw_only=True)
class Search:
    """What was asked for; no minimum is the smallest that the kind of endpoint can have."""

    objective: Objective
    minimum: int | None
    maximum: int
    calendar: tuple[Event, ...]
    load_test_error: float

    def __post_init__(self) -> None:
        problems = [
            f"event '{event.name}' has {event.capacity} instances, and the maximum is {self.maximum}"
            for event in self.calendar
            if event.capacity > self.maximum
        ]
        if self.minimum is not None and self.minimum > self.maximum:
            problems.append(f"the minimum is {self.minimum}, and the maximum {self.maximum}")
        if problems:
            raise bad_input(problems, fix="raise --maximum, or lower --minimum or the capacity of the event")

    def by_requests(self, inputs: Inputs) -> Compiled:
        """Of an endpoint that answers at once."""
        return compile_policy(
            inputs.case, inputs.fleet, self.objective, calendar=self.calendar, **self._limits(least=1)
        )

    def of(self, inputs: Inputs) -> Compiled:
        """Of the kind of endpoint that the fleet is behind."""
        if inputs.fleet.is_asynchronous:
            return self.by_backlog(inputs)
        return self.by_requests(inputs) if inputs.fleet.on_demand is None else self.by_use(inputs)

    def by_use(self, inputs: Inputs) -> Compiled:
        """Of the warm containers of a serverless endpoint."""
        self._refuse("--cold-start-seconds", "a serverless endpoint scales by the use of its containers", self._cost())
        refuse_demands(self.calendar)
        return compile_warm(inputs.case, inputs.fleet, self.objective, calendar=self.calendar, **self._limits(least=1))

    def by_backlog(self, inputs: Inputs) -> Compiled:
        """Of an asynchronous endpoint."""
        calendar = {"--calendar": bool(self.calendar)}
        self._refuse("--asynchronous", "an asynchronous endpoint scales by its backlog", calendar | self._cost())
        return compile_backlog(inputs.case, inputs.fleet, self.objective, **self._limits(least=0))

    def _limits(self, *, least: int) -> _Limits:
        minimum = least if self.minimum is None else self.minimum
        return {"minimum": minimum, "maximum": self.maximum, "load_test_error": self.load_test_error}

    def _cost(self) -> dict[str, bool]:
        return {"--cost-of-default": self.objective.no_dearer_than is not None}

    def _refuse(self, kind: str, why: str, given: dict[str, bool]) -> None:
        unused = [f"{option} is given with {kind}" for option, is_given in given.items() if is_given]
        if unused:
            raise bad_input(unused, fix=f"leave it out: {why}, to an objective")
