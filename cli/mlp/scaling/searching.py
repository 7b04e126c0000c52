"""What `mlp scaling tune` searches, by the kind of endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from mlp.errors import bad_input
from mlp.scaling.inputs import Inputs, refuse_demands
from mlscaling.policies.planned import Event
from mlscaling.policies.problems import InvalidScalingError
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

    def of(self, inputs: Inputs) -> Compiled:
        """Of the kind of endpoint that the fleet is behind. Raises `CliError` for limits and events that cannot be."""
        try:
            if inputs.fleet.is_asynchronous:
                return self._by_backlog(inputs)
            return self._by_requests(inputs) if inputs.fleet.on_demand is None else self._by_use(inputs)
        except InvalidScalingError as error:
            raise bad_input([str(error)], fix="see --minimum, --maximum and --calendar in --help") from error

    def _by_requests(self, inputs: Inputs) -> Compiled:
        """Of an endpoint that answers at once."""
        return compile_policy(
            inputs.case, inputs.fleet, self.objective, calendar=self.calendar, **self._limits(least=1)
        )

    def _by_use(self, inputs: Inputs) -> Compiled:
        """Of the warm containers of a serverless endpoint."""
        self._refuse("--cold-start-seconds", "a serverless endpoint scales by the use of its containers", self._cost())
        refuse_demands(self.calendar)
        return compile_warm(inputs.case, inputs.fleet, self.objective, calendar=self.calendar, **self._limits(least=1))

    def _by_backlog(self, inputs: Inputs) -> Compiled:
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
