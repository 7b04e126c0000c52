"""Whether a policy keeps its objective on known days; if not, where it fails, and what would not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.replay.cases import Case, Played, played
from mlscaling.replay.fleet import Fleet
from mlscaling.replay.rehearsals import Rehearsal, coming, missed, rehearse_coming
from mlscaling.search.asynchronous import compile_backlog
from mlscaling.search.choosing import Compiled
from mlscaling.search.realtime import compile_policy
from mlscaling.search.reasons import describe
from mlscaling.search.serverless import compile_warm

MORE = 16
"""How many times the maximum of an asynchronous endpoint is looked at: it costs nothing while nobody asks."""


class ObjectiveMissedError(ValueError):
    """The policy misses its objective in replay; the lines say how far and when, and what would meet it at what cost."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a replay says of a policy, and of each event to come with a `demand`; names of other events to come."""

    played: Played
    rehearsals: tuple[Rehearsal, ...]
    not_rehearsed: tuple[str, ...]
    objective: Objective
    trace: str
    worst_minute: datetime
    worst_violations: float
    worst_requests: float

    @property
    def meets(self) -> bool:
        """Enough requests were served, and enough of each event."""
        return self.meets_on_days and not self.missed

    @property
    def meets_on_days(self) -> bool:
        """Enough requests were served on the days as they were."""
        return self.played.violation_share <= 1 - self.objective.served_share

    @property
    def missed(self) -> tuple[Rehearsal, ...]:
        """The events to come of which too few requests were served."""
        return missed(self.rehearsals, self.objective)

    @property
    def advice(self) -> list[str]:
        """What to change for each of these."""
        return [one.advice(self.objective.served_share_in_events) for one in self.missed]

    def __str__(self) -> str:
        events = (one.sentence(self.objective.served_share_in_events) for one in self.rehearsals)
        return "\n".join([self._of_days(), *events])

    def _of_days(self) -> str:
        share, allowed = self.played.violation_share, 1 - self.objective.served_share
        judged = (
            f"{share:.3%} of the requests of trace '{self.trace}' wait too long or are rejected, and {allowed:.3%} may"
        )
        minute = f"{self.worst_violations:.0f} of {self.worst_requests:.0f} in its worst minute, {self.worst_minute:%Y-%m-%d %H:%M} UTC"
        return f"{judged}; {minute}"


def judge(policy: Scaling, case: Case, fleet: Fleet, objective: Objective) -> Verdict:
    """Play a policy on the days of a case, and its events to come on each of them."""
    outcome = case.outcome([policy], fleet)
    violations = outcome.violations_by_minute[:, 0]
    worst = int(violations.argmax())
    rehearsals = rehearse_coming(policy, case, fleet)
    rehearsed = {one.event for one in rehearsals}
    return Verdict(
        played=played([policy], outcome)[0],
        rehearsals=rehearsals,
        not_rehearsed=tuple(event.name for event in coming(policy, case) if event not in rehearsed),
        objective=objective,
        trace=case.demand.name,
        worst_minute=case.first + timedelta(minutes=worst),
        worst_violations=float(violations[worst]),
        worst_requests=float(outcome.requests_by_minute[worst]),
    )


def prove(
    policy: Scaling,
    case: Case,
    fleet: Fleet,
    objective: Objective,
    *,
    usd_per_instance_hour: float | None = None,
    although: str | None = None,
    tune: str = "`mlp scaling tune --out policy.json`",
) -> Verdict:
    """Judge a policy, for `cdk synth`: it may go out if it meets the objective, or if `although` says why it may without.

    `tune` is what somebody runs to get the policy of a real-time endpoint that would meet it: the same days, instances and limits.

    Raises `ObjectiveMissedError` with the minute, the trace, and the policy that would meet the objective, or with the event.
    """
    verdict = judge(policy, case, fleet, objective)
    if verdict.meets or although is not None:
        return verdict
    lines = [str(verdict)]
    if not verdict.meets_on_days:
        better, fix = _better(policy, case, fleet, objective, tune)
        lines += [*_comparison(verdict.played, better, fleet, usd_per_instance_hour), fix]
    lines += [f"{advice}; {_OR_SAY_WHY}" for advice in verdict.advice]
    raise ObjectiveMissedError("\n".join(lines))


def _better(policy: Scaling, case: Case, fleet: Fleet, objective: Objective, tune: str) -> tuple[Compiled, str]:
    if fleet.is_asynchronous:
        return _better_backlog(policy, case, fleet, objective)
    if fleet.on_demand is not None:
        return _better_warm(policy, case, fleet, objective)
    return _better_by_requests(policy, case, fleet, objective, tune)


def _better_by_requests(
    policy: Scaling, case: Case, fleet: Fleet, objective: Objective, tune: str
) -> tuple[Compiled, str]:
    """Whatever it costs, as the verdict does not judge that either."""
    wanted = replace(objective, no_dearer_than=None)
    better = compile_policy(
        case, fleet, wanted, minimum=policy.minimum, maximum=policy.maximum, calendar=policy.calendar
    )
    if better.meets:
        return better, f"take it: {tune} writes it for read_scaling; {_OR_SAY_WHY}"
    return better, "no policy with so many instances would; raise the maximum, or lower served_share of the objective"


def _better_backlog(policy: Scaling, case: Case, fleet: Fleet, objective: Objective) -> tuple[Compiled, str]:
    most = MORE * policy.maximum
    better = compile_backlog(case, fleet, objective, minimum=policy.minimum, maximum=most)
    chosen = better.chosen.policy
    if better.meets and chosen.target is not None:
        numbers = f"min_instances={chosen.minimum}, max_instances={chosen.maximum}"
        return better, f"take {numbers}, backlog_per_instance={chosen.target.target:g}; {_OR_SAY_WHY}"
    return (
        better,
        f"nothing up to {most} instances would; allow more longest_wait_seconds, or lower served_share of the objective",
    )


def _better_warm(policy: Scaling, case: Case, fleet: Fleet, objective: Objective) -> tuple[Compiled, str]:
    most = policy.maximum if fleet.on_demand is None else fleet.on_demand.max_concurrency
    better = compile_warm(case, fleet, objective, maximum=most, calendar=policy.calendar)
    chosen = better.chosen.policy
    if better.meets and chosen.target is not None:
        return (
            better,
            f"take minimum={chosen.minimum}, maximum={chosen.maximum}, target={chosen.target.target:g}; {_OR_SAY_WHY}",
        )
    return (
        better,
        f"nothing up to {most} warm containers would; raise max_concurrency, or lower served_share of the objective",
    )


_OR_SAY_WHY = "or say with `although` why this one may go out without"


def _comparison(this: Played, better: Compiled, fleet: Fleet, usd_per_instance_hour: float | None) -> Iterator[str]:
    other, times = better.chosen, better.chosen.hours_per_day / max(this.hours_per_day, 1e-9)
    name = "would meet it" if better.meets else "comes nearest"
    cost = partial(_cost, fleet=fleet, usd_per_instance_hour=usd_per_instance_hour)
    served = f"{other.violation_share:.3%} of the requests too late or rejected"
    yield f"this policy: {describe(this.policy, fleet)}; {cost(this)}"
    yield f"{name}: {describe(other.policy, fleet)}; {served}, {cost(other)}, {times:.2f} times as much"


def _cost(played: Played, *, fleet: Fleet, usd_per_instance_hour: float | None) -> str:
    hours = f"{played.hours_per_day:.1f} {fleet.unit} hours a day"
    return (
        hours if usd_per_instance_hour is None else f"{hours}, {played.hours_per_day * usd_per_instance_hour:.2f} USD"
    )
