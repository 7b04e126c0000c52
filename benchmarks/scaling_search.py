"""What the scaling benchmark plays beside a compiled policy: rows of figures, and policies searched in hindsight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mlscaling.policies.planned import Event
from mlscaling.policies.reactive import Signal, TargetTracking
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.cases import DAY_MINUTES, Case
from mlscaling.replay.fleet import Fleet, Provisioning
from mlscaling.search.realtime import SELDOM, fast_scale_in, fast_steps, floors
from mlscaling.search.reasons import describe

FLEET = Fleet(requests_per_second=10, provisioning=Provisioning.fixed(300), concurrency=4)
MAXIMUM = 1000


def tracking(utilisation: float, signal: Signal = Signal.INVOCATIONS) -> Scaling:
    """Target tracking alone, at a share of what an instance can do."""
    knee = FLEET.requests_per_second * 60 if signal is Signal.INVOCATIONS else FLEET.concurrency
    return Scaling(maximum=MAXIMUM, target=TargetTracking(target=utilisation * knee, signal=signal))


@dataclass(frozen=True)
class Row:
    """What a policy did on held-out days."""

    name: str
    violations: float
    in_spikes: float
    cost: float


def rows(names: Sequence[str], policies: Sequence[Scaling], case: Case, fleet: Fleet) -> list[Row]:
    """Each policy on the days of a case; cost beside the clairvoyant's of the fleet that the policies were made for."""
    outcome = case.outcome(policies, fleet)
    spiked = _in_spikes(case)
    requests = max(outcome.requests_by_minute[spiked].sum(), 1.0)
    in_spikes = outcome.violations_by_minute[spiked].sum(axis=0) / requests
    cost = outcome.instance_hours / case.clairvoyant_hours(fleet).sum()
    return [
        Row(name, float(outcome.violation_share[lane]), float(in_spikes[lane]), float(cost[lane]))
        for lane, name in enumerate(names)
    ]


def mean(found: Sequence[Row]) -> Row:
    """Of the same policy on several cases."""
    first, count = found[0], len(found)
    return Row(
        first.name,
        sum(one.violations for one in found) / count,
        sum(one.in_spikes for one in found) / count,
        sum(one.cost for one in found) / count,
    )


def _in_spikes(case: Case) -> NDArray[np.bool_]:
    inside = np.zeros(case.days * DAY_MINUTES, dtype=bool)
    for spike in case.spikes:
        begin = spike.at_second // 60
        inside[begin : begin + spike.seconds // 60 + 1] = True
    return inside


def cheapest(also: Sequence[Scaling], case: Case, fleet: Fleet, beside: Row) -> Row:
    """In hindsight, the least that the same service costs with the same calendar."""
    policies = [*also, *(replace(one, calendar=also[0].calendar) for one in _all_policies())]
    found = rows([describe(replace(one, calendar=()), FLEET) for one in policies], policies, case, fleet)
    as_good = [one for one in found if one.violations <= beside.violations and one.in_spikes <= beside.in_spikes]
    best = min(as_good, key=lambda one: one.cost)
    return replace(best, name=f"cheapest as good in hindsight: {best.name}")


def constant(calendar: tuple[Event, ...], case: Case, fleet: Fleet, *, most_cost: float) -> Row:
    """As many instances all the time as a cost pays for, with the same calendar: what the rest of a policy has to be better than."""
    never = tracking(10)  # The target is there to scale in after an event.
    policies = [replace(never, minimum=count, calendar=calendar) for count in range(1, 31)]
    found = rows([f"always {one.minimum} and the calendar, in hindsight" for one in policies], policies, case, fleet)
    return min((one for one in found if one.cost <= most_cost), key=lambda one: one.violations)


def best_causal(also: Sequence[Scaling], case: Case, fleet: Fleet, *, most_cost: float, in_spikes: bool) -> Row:
    """Searched on the held-out days themselves, which nobody can: the bound of what such policies can do."""
    policies = [*also, *_all_policies()]
    found = rows([describe(one, FLEET) for one in policies], policies, case, fleet)
    within = [one for one in found if one.cost <= most_cost]
    best = min(within, key=lambda one: one.in_spikes if in_spikes else one.violations)
    return replace(best, name=f"best causal policy in hindsight: {best.name}")


def _all_policies() -> Iterator[Scaling]:
    kinds = [(fast_steps(FLEET, *kind),) for kind in product((1, 2, 3, 4, 6), (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0))]
    for utilisation in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        plain = tracking(utilisation)
        yield tracking(utilisation, Signal.CONCURRENT_REQUESTS)
        for minimum, scale_in, steps in product((1, 2), (None, fast_scale_in(_target(plain))), ((), *kinds)):
            yield replace(plain, minimum=minimum, scale_in=scale_in, steps=steps)
    for plain, floor in product((tracking(0.9), tracking(SELDOM)), floors(FLEET)):
        for scale_in, steps in product((None, fast_scale_in(_target(plain))), ((), (fast_steps(FLEET, 3, 2.0),))):
            yield replace(plain, floor=floor, scale_in=scale_in, steps=steps)


def _target(policy: Scaling) -> TargetTracking:
    assert policy.target is not None
    return policy.target
