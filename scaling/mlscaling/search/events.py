"""How large an announced event is made: by what each size would have done on the known days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.replay.cases import Case
from mlscaling.replay.fleet import Fleet
from mlscaling.replay.rehearsals import Rehearsal, coming, rehearse

QUANTILES = (0.95, 0.98, 1.0)
"""Tried beside an event's own one, if they are higher. None is lower: a quantile is learned from each hour of a week, and a few days
that went well are no reason for less."""


@dataclass(frozen=True, kw_only=True)
class SizedEvent:
    """An event as it was given, in each size that was tried, from the smallest on, and in the one that was chosen."""

    event: Event
    tried: tuple[Rehearsal, ...]
    chosen: Rehearsal
    served_share: float

    @property
    def meets(self) -> bool:
        """Enough of its requests are served, with a standard error to spare."""
        return self.chosen.safe_violation_share <= 1 - self.served_share

    @property
    def reason(self) -> str:
        """Why it has that size, and what the next larger one would do."""
        larger = self.tried[self.tried.index(self.chosen) + 1 :][:1]
        return "; ".join([self.chosen.sentence(self.served_share), *(self._beside(one) for one in larger)])

    def _beside(self, other: Rehearsal) -> str:
        hours = (other.instance_hours - self.chosen.instance_hours) / len(other.times)
        lost = f"{other.violation_share:.3%} for {hours:.1f} instance hours more each time"
        return f"at the {other.demand.quantile:g} quantile, {lost}"


def size_events(policy: Scaling, case: Case, fleet: Fleet, objective: Objective) -> list[SizedEvent]:
    """Each event to come with a `demand`: the least quantile that serves enough with a standard error to spare, or else the best one.

    Raises `InvalidScalingError` if an event cannot be rehearsed.
    """
    share = objective.served_share_in_events
    return [
        _size(event, share, rehearse(policy, event, _sizes(own), case, fleet)) for event, own in coming(policy, case)
    ]


def _sizes(own: TimesUsual) -> list[TimesUsual]:
    return [own, *(replace(own, quantile=quantile) for quantile in QUANTILES if quantile > own.quantile)]


def _size(event: Event, served_share: float, tried: Sequence[Rehearsal]) -> SizedEvent:
    chosen = min(tried, key=lambda one: (max(one.safe_violation_share, 1 - served_share), one.instance_hours))
    return SizedEvent(event=event, tried=tuple(tried), chosen=chosen, served_share=served_share)


def with_sizes(policy: Scaling, sized: Sequence[SizedEvent]) -> Scaling:
    """The policy with its events in the sizes that were chosen."""
    chosen = {one.event: replace(one.event, demand=one.chosen.demand) for one in sized}
    return replace(policy, calendar=tuple(chosen.get(event, event) for event in policy.calendar))
