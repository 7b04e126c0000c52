"""What scales an asynchronous endpoint: its backlog, and nothing else; and the few numbers that there are to choose.

Its requests wait, so that there is no spike to be in time for: what counts is when the last of them is answered. `Fleet.queueing` says
so to a replay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

from mlscaling.policies.problems import bad_limits, raise_if_any
from mlscaling.policies.scaling import Objective, Scaling, by_backlog
from mlscaling.replay.cases import Case
from mlscaling.replay.fleet import Fleet
from mlscaling.search.choosing import Compiled, cheapest

BACKLOG_SHARES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
"""Of what an instance answers within the longest wait: the backlogs that are tried as targets."""


def compile_backlog(
    case: Case, fleet: Fleet, objective: Objective, *, minimum: int = 0, maximum: int, load_test_error: float = 0.0
) -> Compiled:
    """The cheapest policy by backlog that meets the objective on the days of a case, or else the one with the fewest late answers.

    Tried are the minimum and one instance, the maximum and its half, again and again, and backlogs that an instance answers within the
    longest wait. As everywhere, a policy has to meet the objective with a standard error to spare, and with
    instances that serve less by `load_test_error`. Deterministic. Raises `InvalidScalingError` for a maximum below the minimum.
    """
    raise_if_any(bad_limits(minimum, maximum))
    fleet = fleet.weaker(load_test_error)
    candidates = case.play(list(_candidates(fleet, minimum, maximum)), fleet)
    names = {"minimum": "minimum", "maximum": "maximum", "target": "backlog_per_instance"}
    return cheapest(candidates, objective, names, "answered too late")


def _candidates(fleet: Fleet, minimum: int, maximum: int) -> Iterator[Scaling]:
    within = fleet.longest_wait_seconds * fleet.requests_per_second
    backlogs = sorted({max(1.0, float(f"{share * within:.2g}")) for share in BACKLOG_SHARES})
    halvings = range(maximum.bit_length() + 1)
    maximums = sorted({max(math.ceil(maximum / 2**times), minimum, 1) for times in halvings})
    for least, most, backlog in product(sorted({minimum, max(minimum, 1)}), maximums, backlogs):
        yield by_backlog(minimum=least, maximum=most, backlog_per_instance=backlog)
