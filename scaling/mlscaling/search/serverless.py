"""What scales the warm containers of a serverless endpoint: a target for their use, a minimum, and the calendar.

`Fleet.on_demand` says to a replay that instances are warm containers; `mlscaling.replay.containers` plays them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from mlscaling.policies.planned import Event
from mlscaling.policies.problems import bad_limits, raise_if_any
from mlscaling.policies.scaling import Objective, by_use
from mlscaling.replay.cases import Case
from mlscaling.replay.fleet import Fleet
from mlscaling.search.choosing import Compiled, cheapest

TARGETS = (0.3, 0.5, 0.7, 0.9)
"""Of the use of warm containers."""


def compile_warm(
    case: Case,
    fleet: Fleet,
    objective: Objective,
    *,
    minimum: int = 1,
    maximum: int,
    calendar: tuple[Event, ...] = (),
    load_test_error: float = 0.0,
) -> Compiled:
    """The cheapest number of warm containers that meets the objective on the days of a case, or else the one with the fewest losses.

    Tried are targets, and minimums that double up to the maximum. As everywhere, a policy has to meet the objective with a standard
    error to spare, and with containers that serve less by `load_test_error`. Deterministic.

    Raises `InvalidScalingError` for a maximum below the minimum.
    """
    raise_if_any(bad_limits(minimum, maximum))
    fleet = fleet.weaker(load_test_error)
    policies = [
        by_use(minimum=least, maximum=maximum, target=target, calendar=calendar)
        for least, target in product(_doubled(max(1, minimum), maximum), TARGETS)
    ]
    names, lost = {"minimum": "minimum", "target": "target"}, "wait for a container or are throttled"
    return cheapest(case.play(policies, fleet), objective, names, lost, fleet.unit)


def _doubled(least: int, most: int) -> Iterator[int]:
    while least < most:
        yield least
        least *= 2
    yield most
