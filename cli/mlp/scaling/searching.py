"""What `mlp scaling tune` searches, by the kind of endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from mlp.errors import bad_input
from mlp.scaling.inputs import Inputs
from mlscaling.asynchronous import compile_backlog
from mlscaling.choosing import Compiled
from mlscaling.compiler import compile_policy
from mlscaling.policies import Event, Objective


@dataclass(frozen=True, kw_only=True)
class Search:
    """What was asked for; no minimum is the smallest that the kind of endpoint can have."""

    objective: Objective
    minimum: int | None
    maximum: int
    calendar: tuple[Event, ...]
    load_test_error: float

    def by_requests(self, inputs: Inputs) -> Compiled:
        """Of an endpoint that answers at once."""
        return compile_policy(
            inputs.case,
            inputs.fleet,
            self.objective,
            minimum=1 if self.minimum is None else self.minimum,
            maximum=self.maximum,
            calendar=self.calendar,
            load_test_error=self.load_test_error,
        )

    def by_backlog(self, inputs: Inputs) -> Compiled:
        """Of an asynchronous endpoint."""
        unused = [
            f"{option} is given with --asynchronous"
            for option, is_given in (
                ("--calendar", bool(self.calendar)),
                ("--cost-of-default", self.objective.no_dearer_than is not None),
            )
            if is_given
        ]
        if unused:
            raise bad_input(unused, fix="leave it out: an asynchronous endpoint scales by its backlog, to an objective")
        return compile_backlog(
            inputs.case,
            inputs.fleet,
            self.objective,
            minimum=0 if self.minimum is None else self.minimum,
            maximum=self.maximum,
            load_test_error=self.load_test_error,
        )
