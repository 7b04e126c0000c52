"""The policy of a real-time endpoint for an objective: many are played on the days that are known, and the cheapest that meets it is taken.

No number is fitted: each comes from a short list, and a policy counts as meeting an objective only if it does so with a margin of what
days differ by. Forecasts are those that were possible before each day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from mlscaling.forecasts.quantile import SEEN
from mlscaling.policies.planned import Event, ForecastFloor
from mlscaling.policies.reactive import (
    WAKE_FROM_ZERO,
    Signal,
    Step,
    StepIn,
    StepScaleIn,
    StepScaling,
    TargetTracking,
)
from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.replay.cases import Case, Played, Spike
from mlscaling.replay.fleet import Fleet
from mlscaling.search.choosing import Compiled
from mlscaling.search.reasons import reasons, weaker_than_tested, with_a_bounded_queue

UTILISATIONS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
UTILISATIONS_OVER_A_FLOOR = (0.5, 0.7, 0.9)
SELDOM = 1.6
"""Acts only when the forecast was far too low: where demand is noise, following it costs more than it brings. For instances that refuse
what they would answer late: with others, everybody waits until then."""
FLOOR_UTILISATIONS = (0.6, 0.7, 0.8, 0.9)
QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.98)
STEP_DATAPOINTS = (1, 2, 3, 6)
STEP_MARGINS = (1.0, 2.0, 4.0, 6.0)
STEP_BOUNDS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.4, 8.0, 10.0, 13.0)
MINIMUMS_MORE = (0, 1, 2)
IDLE_SHARES = (0.5, 0.4, 0.3, 0.2, 0.1)
NEAR = 1.02
STRESS = 0.2
LATE_SECONDS = 120
LOAD_TEST_ERRORS = (0.1, 0.2, 0.3)


def compile_policy(
    case: Case,
    fleet: Fleet,
    objective: Objective,
    *,
    minimum: int = 1,
    maximum: int,
    calendar: tuple[Event, ...] = (),
    load_test_error: float = 0.0,
    spikes: int = 8,
) -> Compiled:
    """Search the policies for one that meets the objective on the days of a case.

    First target and floor, then a higher minimum, which quiet hours with few instances need, then the best of each target with each kind
    of steps, out and in. Of those that meet the objective for hardly more, the one
    is taken that loses fewest requests on `spikes` hard days: with spikes at unknown times and of unknown sizes, and instances that
    serve a fifth less.

    Args:
        minimum: the least that may be; the policy may have more. One with 0 has `WAKE_FROM_ZERO`.
        load_test_error: the share by which an instance may serve less than `fleet` says; the objective is met nevertheless.
    """
    limits = Scaling(minimum=minimum, maximum=maximum, calendar=calendar, steps=_waking(minimum))
    served_by = fleet.weaker(load_test_error)
    budget = None if objective.no_dearer_than is None else case.play([objective.no_dearer_than], served_by)[0]
    rank = _Rank(objective, budget)
    plain = case.play(list(_candidates(limits, fleet)), served_by)
    higher = case.play([one for found in rank.finalists(plain) for one in _higher(found.policy)], served_by)
    plain += higher
    policies = [one for found in rank.finalists(plain) for one in _stepping(found.policy, fleet)]
    stepped = case.play(policies, served_by)
    best = min(stepped, key=rank.order)
    near = [one for one in stepped if rank.is_near(one, best)]
    hard = _hard(case, spikes).play([one.policy for one in near], served_by.weaker(STRESS)) if spikes else near
    chosen = min(zip(near, hard, strict=True), key=lambda pair: (pair[1].violation_share, pair[0].hours_per_day))[0]
    return Compiled(
        chosen=chosen,
        meets=chosen.safe_violation_share <= 1 - objective.served_share,
        reasons=(*reasons(chosen, plain, fleet), *_of_weaker(case, chosen.policy, fleet)),
        candidates=tuple(plain + stepped),
    )


@dataclass(frozen=True)
class _Rank:
    """What is better: to meet the objective cheaply, or else to have fewer violations; and before both, to stay within a budget."""

    objective: Objective
    budget: Played | None

    def order(self, one: Played) -> tuple[float, ...]:
        """Smaller is better."""
        kept = max(one.safe_violation_share, 1 - self.objective.served_share)
        over = () if self.budget is None else (max(one.safe_cost_share(self.budget), 1),)
        return (*over, kept, one.hours_per_day)

    def is_near(self, one: Played, best: Played) -> bool:
        """As good, and hardly dearer. A budget may be spent; within it, a policy is as good if it loses no more than what sets the budget,
        and than the best by a standard error (Breiman et al., "Classification and Regression Trees", 1984)."""
        if self.budget is None:
            (kept, hours), (most_kept, most_hours) = self.order(one), self.order(best)
            return kept <= most_kept and hours <= most_hours * NEAR
        is_within = self.order(one)[0] <= self.order(best)[0] and one.violation_share <= self.budget.violation_share
        return one is best or (is_within and not one.loses_more_than(best))

    def finalists(self, plain: Sequence[Played]) -> list[Played]:
        """The best with each target, without a floor and with one."""
        ordered = sorted(plain, key=self.order)
        return list({(one.policy.target, one.policy.floor is None): one for one in reversed(ordered)}.values())


def _candidates(limits: Scaling, fleet: Fleet) -> Iterator[Scaling]:
    over_a_floor = UTILISATIONS_OVER_A_FLOOR if fleet.answers_late else (*UTILISATIONS_OVER_A_FLOOR, SELDOM)
    for utilisation, floor in (*product(UTILISATIONS, (None,)), *product(over_a_floor, floors(fleet))):
        yield replace(limits, target=_target(utilisation, limits, fleet), floor=floor)


def _target(utilisation: float, limits: Scaling, fleet: Fleet) -> TargetTracking:
    """Of requests at once where there may be no instance: of invocations there are none then to scale in by."""
    if limits.minimum == 0:
        return TargetTracking(target=round(utilisation * fleet.concurrency, 3), signal=Signal.CONCURRENT_REQUESTS)
    return TargetTracking(target=round(utilisation * fleet.requests_per_second * 60, 1))


def _higher(policy: Scaling) -> Iterator[Scaling]:
    """With a higher minimum."""
    for more in MINIMUMS_MORE[1:]:
        minimum = min(policy.minimum + more, policy.maximum)
        yield replace(policy, minimum=minimum, steps=_waking(minimum))


def _waking(minimum: int) -> tuple[StepScaling, ...]:
    """What a policy needs that may have nothing."""
    return (WAKE_FROM_ZERO,) if minimum == 0 else ()


def _stepping(policy: Scaling, fleet: Fleet) -> Iterator[Scaling]:
    """With steps, out and in; without any for a component that may have no copy: it has no invocations by ten seconds."""
    if policy.target is None or policy.target.signal is not Signal.INVOCATIONS:
        yield policy
        return
    kinds = [(fast_steps(fleet, *kind),) for kind in product(STEP_DATAPOINTS, STEP_MARGINS)]
    for steps, scale_in in product(((), *kinds), (None, fast_scale_in(policy.target))):
        yield replace(policy, steps=steps, scale_in=scale_in)


def floors(fleet: Fleet) -> Iterator[ForecastFloor]:
    """The forecasts that are tried."""
    for utilisation, quantile, look in product(FLOOR_UTILISATIONS, QUANTILES, SEEN):
        yield replace(
            look,
            requests_per_second=round(utilisation * fleet.requests_per_second, 3),
            quantile=quantile,
            lead_minutes=lead_minutes(fleet),
        )


def lead_minutes(fleet: Fleet, *, late_seconds: float = LATE_SECONDS) -> int:
    """How early to ask for instances, if the demand or the function may be so many seconds off."""
    return math.ceil((fleet.provisioning.longest_seconds + late_seconds) / 60)


def fast_steps(fleet: Fleet, datapoints: int, margin: float) -> StepScaling:
    """An alarm on the ten-second invocations, which do not saturate: one answer of the right size, since a second one has to wait.

    Each step brings the load to 0.8 of the knee at most, and `margin` times as many instances for demand that still grows.
    """
    knee = fleet.requests_per_second * Signal.FAST_INVOCATIONS.period_seconds
    steps = (Step(at_least=knee * bound, add=round((bound * 1.25 * margin - 1) * 100)) for bound in STEP_BOUNDS)
    return StepScaling(signal=Signal.FAST_INVOCATIONS, steps=tuple(steps), datapoints=datapoints)


def fast_scale_in(target: TargetTracking) -> StepScaleIn:
    """Once instances have half of their target or less for three minutes, as many go as bring the others to it at most."""
    steps = (
        StepIn(at_most=round(share * target.target, 1), remove_percent=round((1 - share) * 100) - 1)
        for share in IDLE_SHARES
    )
    return StepScaleIn(steps=tuple(steps))


def _of_weaker(case: Case, policy: Scaling, fleet: Fleet) -> Iterator[str]:
    """What the policy loses with instances that serve less, as they are and as they should be."""
    lost = {share: case.play([policy], fleet.weaker(share))[0] for share in LOAD_TEST_ERRORS}
    yield weaker_than_tested(lost)
    if fleet.answers_late:
        bounded = fleet.refusing(fleet.requests_to_queue)
        refused = {share: case.play([policy], bounded.weaker(share))[0] for share in LOAD_TEST_ERRORS}
        yield with_a_bounded_queue(refused, fleet)


def _hard(case: Case, days: int) -> Case:
    days = min(days, case.days)
    spikes = Spike.draw(np.random.default_rng(case.seed + 1), days=days, a_day=2)
    return replace(case, days=days, spikes=spikes, seed=case.seed + 1)
