"""The policy for an objective: many are played on the days that are known, and the cheapest that meets it is taken.

No number is fitted: each comes from a short list, and a policy counts as meeting an objective only if it does so with a margin of what
days differ by. Forecasts are those that were possible before each day.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlscaling.cases import Case, Played, Spike
from mlscaling.fleet import Fleet
from mlscaling.policies import Event, ForecastFloor, Scaling, Season, Signal, Step, StepScaling, TargetTracking
from mlscaling.reasons import reasons

UTILISATIONS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FLOOR_UTILISATIONS = (0.6, 0.7, 0.8, 0.9)
QUANTILES = (0.5, 0.8, 0.9, 0.95, 1.0)
PERIODS = {Season.DAY: 7, Season.WEEK: 4}
STEP_DATAPOINTS = (1, 3, 6)
STEP_MARGINS = (1.0, 1.5, 2.5)
STEP_BOUNDS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.4, 8.0, 10.0, 13.0)
STEP_COST = 1.02
FINALISTS = 4
LATE_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What has to be kept. A request is served if it is not rejected and waits no longer than `Fleet.longest_wait_seconds`.

    With `most_instance_hours_per_day`, a budget, the policy with the fewest violations within it is wanted, whatever `served_share`.
    """

    served_share: float = 0.999
    most_instance_hours_per_day: float | None = None


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """The policy that was chosen, what it does on the known days, and why each number is what it is."""

    chosen: Played
    meets: bool
    reasons: tuple[str, ...]
    candidates: tuple[Played, ...]


def compile_policy(
    case: Case,
    fleet: Fleet,
    objective: Objective,
    *,
    minimum: int = 1,
    maximum: int,
    calendar: tuple[Event, ...] = (),
    spikes: int = 8,
) -> Compiled:
    """Search the policies for one that meets the objective on the days of a case.

    First without steps, then the best few with each kind of steps, also on as many days with a spike of unknown time and size: of
    those that meet the objective for hardly more, the one that loses fewest requests in spikes is taken.
    """
    limits = Scaling(minimum=minimum, maximum=maximum, calendar=calendar)
    plain = case.play(list(_candidates(limits, fleet)), fleet)
    finalists = _best(plain, objective)[:FINALISTS]
    policies = [replace(one.policy, steps=steps) for one in finalists for steps in ((), *_fast_steps(fleet))]
    stepped = case.play(policies, fleet)
    best = _best(stepped, objective)
    near = [one for one in best if _is_near(one, best[0], objective)]
    spiky = _with_spikes(case, spikes).play([one.policy for one in near], fleet) if spikes else near
    chosen = near[int(np.argmin([one.violation_share for one in spiky]))]
    meets = chosen.safe_violation_share <= 1 - objective.served_share
    return Compiled(
        chosen=chosen,
        meets=meets,
        reasons=reasons(chosen, plain, fleet),
        candidates=tuple(plain + stepped),
    )


def _candidates(limits: Scaling, fleet: Fleet) -> Iterator[Scaling]:
    for utilisation in UTILISATIONS:
        target = TargetTracking(target=round(utilisation * fleet.requests_per_second * 60, 1))
        for floor in (None, *_floors(fleet)):
            yield replace(limits, target=target, floor=floor)


def _floors(fleet: Fleet) -> Iterator[ForecastFloor]:
    lead = math.ceil((fleet.provisioning.longest_seconds + LATE_SECONDS) / 60)
    for utilisation in FLOOR_UTILISATIONS:
        for season, periods in PERIODS.items():
            for quantile in QUANTILES:
                yield ForecastFloor(
                    requests_per_second=round(utilisation * fleet.requests_per_second, 3),
                    quantile=quantile,
                    season=season,
                    periods=periods,
                    lead_minutes=lead,
                )


def _fast_steps(fleet: Fleet) -> Iterator[tuple[StepScaling, ...]]:
    """Alarms on the ten-second invocations, which do not saturate: one answer of the right size, since a second one has to wait."""
    knee = fleet.requests_per_second * 10
    for datapoints in STEP_DATAPOINTS:
        for margin in STEP_MARGINS:
            steps = (Step(at_least=knee * bound, add=round((bound * 1.25 * margin - 1) * 100)) for bound in STEP_BOUNDS)
            yield (StepScaling(signal=Signal.FAST_INVOCATIONS, steps=tuple(steps), datapoints=datapoints),)


def _best(found: Sequence[Played], objective: Objective) -> list[Played]:
    """The best first: the cheapest that meet the objective, then those with fewest violations; or those within the budget first."""
    allowed, budget = 1 - objective.served_share, objective.most_instance_hours_per_day
    if budget is not None:
        return sorted(found, key=lambda one: (max(one.hours_per_day / budget, 1), one.safe_violation_share))
    return sorted(found, key=lambda one: (max(one.safe_violation_share, allowed), one.hours_per_day))


def _is_near(one: Played, best: Played, objective: Objective) -> bool:
    """As good for the objective, and hardly dearer."""
    budget = objective.most_instance_hours_per_day
    if budget is not None:
        allowed = max(best.safe_violation_share * 1.05, 1e-5)
        return one.safe_violation_share <= allowed and one.hours_per_day <= max(budget, best.hours_per_day)
    allowed = max(1 - objective.served_share, best.safe_violation_share)
    return one.safe_violation_share <= allowed and one.hours_per_day <= best.hours_per_day * STEP_COST


def _with_spikes(case: Case, days: int) -> Case:
    random = np.random.default_rng(case.seed + 1)
    count = min(days, case.days)
    return replace(case, days=count, spikes=tuple(Spike.draw(random) for _ in range(count)), seed=case.seed + 1)
