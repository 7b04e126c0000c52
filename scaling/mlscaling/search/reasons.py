"""Why a policy has the numbers that it has, as sentences for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from mlscaling.policies.planned import Event, ForecastFloor, Season
from mlscaling.policies.reactive import Signal, StepScaleIn, StepScaling, TargetTracking
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.cases import Played
from mlscaling.replay.fleet import Fleet


def reasons(chosen: Played, plain: Sequence[Played], fleet: Fleet) -> tuple[str, ...]:
    """One sentence for each part, with what the next cheaper and the next dearer value would do.

    `plain` are the candidates without steps, but for what wakes one from zero.
    """
    base = next(one for one in plain if _varied(one.policy) == _varied(chosen.policy))
    return tuple(_reasons(base, chosen, plain, fleet))


def _varied(policy: Scaling) -> tuple[TargetTracking | None, ForecastFloor | None, int]:
    """What tells candidates without steps from each other."""
    return policy.target, policy.floor, policy.minimum


def _reasons(base: Played, chosen: Played, plain: Sequence[Played], fleet: Fleet) -> Iterator[str]:
    policy = chosen.policy
    targets = _beside(
        base, plain, lambda one: replace(one, target=None), lambda one: describe_target(one.target, fleet)
    )
    yield f"{describe_target(policy.target, fleet)}: {targets}"
    yield _cooldowns(policy.target)
    floors = _beside(base, plain, lambda one: replace(one, floor=None), lambda one: describe_floor(one.floor, fleet))
    yield f"{describe_floor(policy.floor, fleet)}: {floors}"
    if policy.floor is not None:
        provisioning = f"provisioning takes up to {fleet.provisioning.longest_seconds:g} s"
        yield f"the floor rises {policy.floor.lead_minutes:g} minutes early: {provisioning}, and a scheduled action may be late"
    for steps in policy.steps:
        yield f"{describe_steps(steps)}: {_why(steps)}"
    if policy.scale_in is not None:
        yield f"{describe_scale_in(policy.scale_in)}: target tracking would wait for 15 minutes"
    minimums = _beside(
        base, plain, lambda one: replace(one, minimum=1, steps=()), lambda one: f"a minimum of {one.minimum}"
    )
    yield f"a minimum of {policy.minimum}: {minimums}"
    yield f"a maximum of {policy.maximum}: as asked for; {chosen.most_instances:.0f} were the most"


def _why(steps: StepScaling) -> str:
    if steps.signal is Signal.NO_CAPACITY:
        return "nothing else scales from 0, and every request fails until that one is there"
    return "the fewest violations on hard days, with spikes that nobody announced and weaker instances"


def weaker_than_tested(played: Mapping[float, Played]) -> str:
    """What happens on the same days if instances serve less than they are said to, by the share that they serve less."""
    fix = "`--load-test-error` makes a policy for that, at its cost"
    return f"what one instance serves may be less than in its load test: {_lost(played)}; {fix}"


def with_a_bounded_queue(played: Mapping[float, Played], fleet: Fleet) -> str:
    """The same if instances refuse what they would answer late: what to say for that."""
    enough = f"half of what an instance answers in {fleet.longest_wait_seconds:g} s"
    return f"max_queued_requests={fleet.requests_to_queue}, {enough}, would leave {_lost(played)}: it costs nothing"


def _lost(played: Mapping[float, Played]) -> str:
    return ", ".join(f"{one.violation_share:.3%} violations if it is {share:.0%} less" for share, one in played.items())


def _cooldowns(target: TargetTracking | None) -> str:
    cooldowns = (
        "no cooldown"
        if target is None
        else f"cooldowns {target.scale_out_cooldown_seconds} s out, {target.scale_in_cooldown_seconds} s in"
    )
    return f"{cooldowns}: SageMaker's own; an endpoint that is updating takes no second change anyway, so that others do hardly anything"


def _beside(
    base: Played,
    plain: Sequence[Played],
    without: Callable[[Scaling], Scaling],
    name: Callable[[Scaling], str],
) -> str:
    same = [one for one in plain if without(one.policy) == without(base.policy) and one.policy != base.policy]
    cheaper = [one for one in same if one.hours_per_day < base.hours_per_day]
    dearer = [one for one in same if one.hours_per_day >= base.hours_per_day]
    nearest = [max(cheaper, key=_hours, default=None), min(dearer, key=_hours, default=None)]
    cost = max(base.hours_per_day, 1e-9)
    said = [
        f"with {name(one.policy)}, {one.violation_share:.3%} violations at {one.hours_per_day / cost:.2f} of the cost"
        for one in nearest
        if one is not None
    ]
    return "; ".join([f"{base.violation_share:.3%} violations", *said])


def _hours(one: Played) -> float:
    return one.hours_per_day


def describe_target(target: TargetTracking | None, fleet: Fleet) -> str:
    """For example: target 420 invocations a minute and instance (70% of what one instance serves)."""
    if target is None:
        return "no target"
    if target.signal is Signal.BACKLOG_PER_INSTANCE:
        return f"target {target.target:g} requests waiting for each instance"
    if target.signal is Signal.PROVISIONED_CONCURRENCY:
        return f"target {target.target:.0%} of the warm containers at work"
    if target.signal is Signal.CONCURRENT_REQUESTS:
        return f"target {target.target:g} requests at once at each instance"
    share = target.target / 60 / fleet.requests_per_second
    return f"target {target.target:g} invocations a minute and instance ({share:.0%} of what one instance serves)"


def describe_floor(floor: ForecastFloor | None, fleet: Fleet) -> str:
    """For example: floor at the 0.95 quantile of the last 7 days (80% of what one instance serves)."""
    if floor is None:
        return "no forecast"
    days = "days" if floor.season is Season.DAY else "of these weekdays"
    share = floor.requests_per_second / fleet.requests_per_second
    seen = f"within {floor.around_minutes:g} minutes of the time of day on the last {floor.periods} {days}"
    recent = f" and in the last {floor.recent_hours:g} hours" if floor.recent_hours else ""
    published = f"floor as '{floor.published.pipeline}' forecasts, else" if floor.published is not None else "floor"
    return f"{published} at the {floor.quantile:g} quantile {seen}{recent} ({share:.0%} of what one instance serves)"


def describe_steps(steps: StepScaling) -> str:
    """For example: steps from 100 in ten seconds on, after 3 values."""
    if steps.signal is Signal.BACKLOG_WITHOUT_CAPACITY:
        return f"the first one after {steps.datapoints} minutes of requests without any"
    if steps.signal is Signal.NO_CAPACITY:
        return "the first one as soon as requests fail without any"
    at_once = {Signal.CONCURRENT_REQUESTS: "at once", Signal.BACKLOG_PER_INSTANCE: "waiting for each instance"}
    counted = at_once.get(steps.signal, f"in {steps.signal.period_seconds} seconds")
    return f"steps from {steps.steps[0].at_least:.4g} {counted} on, after {steps.datapoints} values"


def describe_scale_in(steps: StepScaleIn) -> str:
    """For example: in from 150 invocations a minute and instance on, after 3 values."""
    return f"in from {steps.steps[0].at_most:g} invocations in {steps.signal.period_seconds} seconds on, after {steps.datapoints} values"


def describe(policy: Scaling, fleet: Fleet) -> str:
    """All of a policy on a line."""
    parts = [f"{policy.minimum}-{policy.maximum} {fleet.unit}s", describe_target(policy.target, fleet)]
    parts += [describe_floor(policy.floor, fleet)] if policy.floor is not None else []
    parts += [describe_steps(steps) for steps in policy.steps]
    parts += [describe_scale_in(policy.scale_in)] if policy.scale_in is not None else []
    parts += [
        f"{_wanted(event, fleet)} for '{event.name}' from {event.begins:%Y-%m-%d %H:%M} on" for event in policy.calendar
    ]
    return ", ".join(parts)


def _wanted(event: Event, fleet: Fleet) -> str:
    least = f"{event.capacity} {fleet.unit}s"
    return (
        least
        if event.demand is None
        else f"{least} or as many as {event.demand.times:g} times the usual takes at the {event.demand.quantile:g} quantile"
    )
