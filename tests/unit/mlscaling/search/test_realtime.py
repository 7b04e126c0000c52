"""The compiler and the proof, on two weeks of a demand that is the same each day: 20 requests per second, and 200 from noon on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlscaling.policies.planned import Event, TimesUsual
from mlscaling.policies.problems import InvalidScalingError
from mlscaling.policies.reactive import WAKE_FROM_ZERO, Signal, TargetTracking
from mlscaling.policies.scaling import Objective, Scaling
from mlscaling.proof import ObjectiveMissedError, judge, prove
from mlscaling.replay.cases import Case, Played, Spike
from mlscaling.replay.demand import Demand
from mlscaling.search.asynchronous import compile_backlog
from mlscaling.search.choosing import Compiled
from mlscaling.search.realtime import compile_policy, fast_scale_in, fast_steps
from mlscaling.search.serverless import compile_warm
from tests.unit.mlscaling.playing import FLEET

START = datetime(2026, 3, 2, tzinfo=UTC)
DEFAULT = Scaling(maximum=60, target=TargetTracking(target=300))


def stepping(days: int) -> Demand:
    """It rises within a minute at noon, and falls at one, faster than anything that reacts."""
    corners = [0, 43_200, 43_260, 46_800, 46_860, 86_400]
    day = np.interp(np.arange(86_400), corners, [20, 20, 200, 200, 20, 20])
    return Demand(requests_per_second=np.tile(day, days), start=START, name="steps at noon")


TUNED = Case(demand=stepping(6), first=START + timedelta(days=2), days=2)
HELD_OUT = Case(demand=stepping(6), first=START + timedelta(days=5), days=1, seed=5)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_policy(TUNED, FLEET, Objective(served_share=0.999), maximum=60, spikes=2)


def test_the_compiled_policy_meets_the_objective_on_a_day_it_has_not_seen(compiled: Compiled) -> None:
    default, ours = HELD_OUT.play([DEFAULT, compiled.chosen.policy], FLEET)

    assert compiled.meets
    assert ours.violation_share <= 0.001 < default.violation_share
    assert ours.hours_per_day < default.hours_per_day


def test_only_a_forecast_can_meet_it_and_the_reasons_say_so(compiled: Compiled) -> None:
    assert compiled.chosen.policy.floor is not None
    assert any(reason.startswith("floor at the ") for reason in compiled.reasons)
    assert (
        "the floor rises 7 minutes early: provisioning takes up to 300 s, and a scheduled action may be late"
        in compiled.reasons
    )
    assert all(
        one.violation_share > 0.001 for one in compiled.candidates if one.policy.floor is None and not one.policy.steps
    )


def test_where_demand_is_noise_the_forecast_works_and_the_target_seldom() -> None:
    """What comes in five minutes says nothing of the next five."""
    rates = np.repeat(np.random.default_rng(3).gamma(1.0, 60.0, 4 * 288), 300)
    noise = Case(demand=Demand(requests_per_second=rates, start=START), first=START + timedelta(days=3), days=1)
    refusing, served = FLEET.refusing(FLEET.requests_to_queue), Objective(served_share=0.9)

    compiled = compile_policy(noise, refusing, served, maximum=200, spikes=1)

    assert compiled.chosen.policy.target == TargetTracking(target=960)
    followed = [one for one in compiled.candidates if one.policy.target == TargetTracking(target=540)]
    assert compiled.chosen.hours_per_day < min(one.hours_per_day for one in followed if _serves(one, served))


def _serves(one: Played, objective: Objective) -> bool:
    return one.safe_violation_share <= 1 - objective.served_share


def test_the_reasons_say_what_weaker_instances_would_lose(compiled: Compiled) -> None:
    *_, said, bounded = compiled.reasons

    assert said.startswith("what one instance serves may be less than in its load test: ")
    assert bounded.startswith("max_queued_requests=5, half of what an instance answers in 1 s, would leave ")
    for sentence in (said, bounded):
        assert [f"violations if it is {share}% less" in sentence for share in (10, 20, 30)] == [True] * 3


def test_a_minimum_above_the_least_is_tried_and_the_reasons_say_what_others_would_do(compiled: Compiled) -> None:
    minimum = compiled.chosen.policy.minimum

    assert {1, 2, 3} <= {one.policy.minimum for one in compiled.candidates}
    assert any(reason.startswith(f"a minimum of {minimum}: ") for reason in compiled.reasons)
    assert f"a maximum of 60: as asked for; {compiled.chosen.most_instances:.0f} were the most" in compiled.reasons


def test_after_spikes_a_fast_way_in_costs_less_and_loses_no_more(compiled: Compiled) -> None:
    """On an even demand: where one rush follows another, what has not gone yet serves the next."""
    even = Demand(requests_per_second=np.full(4 * 86_400, 20.0), start=START)
    spikes = Spike.draw(np.random.default_rng(3), days=2, a_day=2, factor=8)
    slow = Scaling(maximum=200, target=TargetTracking(target=420), steps=(fast_steps(FLEET, 1, 4.0),))
    fast = replace(slow, scale_in=fast_scale_in(TargetTracking(target=420)))

    found = replace(TUNED, demand=even, spikes=spikes).play([slow, fast], FLEET)

    assert found[1].hours_per_day < 0.85 * found[0].hours_per_day
    assert found[1].violation_share == pytest.approx(found[0].violation_share, abs=1e-4)
    assert fast.scale_in in {one.policy.scale_in for one in compiled.candidates}


def test_a_policy_within_a_budget_loses_no_more_than_what_sets_it() -> None:
    spikes = Spike.draw(np.random.default_rng(3), days=2, a_day=3, factor=8)
    case, default = replace(TUNED, spikes=spikes), replace(DEFAULT, maximum=200)

    objective = Objective(served_share=1, no_dearer_than=default)
    chosen = compile_policy(case, FLEET, objective, maximum=200, spikes=2).chosen

    (beside,) = case.play([default], FLEET)
    assert chosen.violation_share <= beside.violation_share
    assert chosen.hours_per_day <= beside.hours_per_day


def test_within_the_cost_of_another_policy_it_has_the_fewest_violations() -> None:
    compiled = compile_policy(TUNED, FLEET, Objective(no_dearer_than=DEFAULT), maximum=60, spikes=0)
    (default,) = TUNED.play([DEFAULT], FLEET)

    assert compiled.chosen.hours_per_day <= default.hours_per_day
    assert compiled.chosen.violation_share < default.violation_share / 3


def test_a_policy_made_for_a_wrong_load_test_serves_with_weaker_instances() -> None:
    weaker = replace(FLEET, requests_per_second=8)
    objective = Objective(served_share=0.999)
    trusting, wary = (
        compile_policy(TUNED, FLEET, objective, maximum=60, spikes=0, load_test_error=error).chosen.policy
        for error in (0.0, 0.2)
    )

    found = [one.violation_share for one in HELD_OUT.play([trusting, wary], weaker)]

    assert found[1] <= 0.001 < found[0]


def test_a_policy_that_misses_says_which_minute_of_which_trace_and_what_would_meet_the_objective() -> None:
    """Whatever it costs: a budget is for a search."""
    objective = Objective(served_share=0.999, no_dearer_than=Scaling(maximum=1))
    with pytest.raises(ObjectiveMissedError) as raised:
        prove(DEFAULT, TUNED, FLEET, objective, usd_per_instance_hour=0.23)

    said = str(raised.value)
    assert "of the requests of trace 'steps at noon' wait too long or are rejected, and 0.100% may" in said
    assert "in its worst minute, 2026-03-0" in said
    assert " 12:0" in said
    assert "would meet it: " in said
    assert " times as much\n" in said


def test_what_scales_to_zero_and_misses_is_told_what_would_not() -> None:
    target = TargetTracking(target=2, signal=Signal.CONCURRENT_REQUESTS)
    sleeper = replace(DEFAULT, minimum=0, target=target, steps=(WAKE_FROM_ZERO,))

    with pytest.raises(ObjectiveMissedError) as raised:
        prove(sleeper, TUNED, FLEET, Objective(served_share=0.999))

    _, this, better, _ = str(raised.value).split("\n")
    assert this.startswith("this policy: 0-60 instances, ")
    assert "the first one as soon as requests fail without any" in this
    assert better.startswith("would meet it: ")


def test_what_scales_to_zero_is_searched_with_what_wakes_it() -> None:
    """On days without any request, so that nothing is the best."""
    nothing = replace(TUNED, demand=replace(TUNED.demand, requests_per_second=np.zeros(TUNED.demand.seconds)))

    compiled = compile_policy(nothing, FLEET, Objective(), minimum=0, maximum=9, spikes=0)

    assert (compiled.chosen.policy.minimum, compiled.chosen.hours_per_day) == (0, 0)
    assert any(reason.startswith("the first one as soon as requests fail without any: ") for reason in compiled.reasons)
    policies = [one.policy for one in compiled.candidates]
    assert {one.minimum == 0 for one in policies if WAKE_FROM_ZERO in one.steps} == {True}
    assert {one.target.signal for one in policies if one.target is not None} == {Signal.CONCURRENT_REQUESTS}


@pytest.mark.parametrize("search", [compile_policy, compile_backlog, compile_warm])
def test_no_search_has_a_maximum_below_the_minimum(search: Callable[..., Compiled]) -> None:
    with pytest.raises(
        InvalidScalingError, match="the minimum is 5, and the maximum 3; use a maximum that is not below"
    ):
        search(TUNED, FLEET, Objective(), minimum=5, maximum=3)


def test_a_policy_that_misses_may_go_out_with_a_reason() -> None:
    verdict = prove(DEFAULT, TUNED, FLEET, Objective(served_share=0.999), although="a pilot with two users")

    assert not verdict.meets


def test_a_policy_that_meets_the_objective_passes() -> None:
    assert prove(DEFAULT, TUNED, FLEET, Objective(served_share=0.8)).meets


def test_what_no_policy_can_meet_names_the_nearest() -> None:
    small = Scaling(maximum=5, target=TargetTracking(target=300))

    with pytest.raises(ObjectiveMissedError, match=r"comes nearest: [^$]*; raise the maximum, or lower served_share"):
        prove(small, TUNED, FLEET, Objective(served_share=0.999))


def test_an_event_that_would_be_lost_stops_a_policy_that_serves_all_else() -> None:
    spot = Event(name="TV spot", at=TUNED.ends, capacity=1, demand=TimesUsual(times=10, requests_per_second=9))
    policy = replace(DEFAULT, maximum=12, calendar=(spot,))

    with pytest.raises(ObjectiveMissedError) as raised:
        prove(policy, TUNED, FLEET, Objective(served_share=0.3))

    days, event, fix = str(raised.value).split("\n")
    assert "of the requests of trace 'steps at noon' wait too long" in days
    assert event.startswith(
        "'TV spot', 10 times the usual at the 0.9 quantile, had it been at 00:00 UTC on each of 2 days: "
    )
    assert "; it asks for up to " in event
    assert fix.startswith("for 'TV spot': raise the maximum from 12 to ")
    assert fix.endswith("; or say with `although` why this one may go out without")
    assert prove(replace(policy, maximum=60), TUNED, FLEET, Objective(served_share=0.3)).meets


def test_an_announced_spike_is_served_if_its_event_is_in_the_calendar() -> None:
    spike = Spike(at_second=20 * 3600, factor=10, rise_seconds=60, hold_seconds=1200, fall_seconds=300)
    case = Case(demand=stepping(4), first=START + timedelta(days=2), days=1, spikes=(spike,))
    event = Event(name="TV spot", at=case.first + timedelta(hours=20), capacity=25, minutes=30)
    without, with_event = (Scaling(maximum=60, target=DEFAULT.target, calendar=events) for events in ((), (event,)))

    evening = [judge(one, case, FLEET, Objective()).worst_minute.hour for one in (without, with_event)]
    violations = [judge(one, case, FLEET, Objective()).played.violations.sum() for one in (without, with_event)]

    assert evening[0] in (12, 20)
    assert evening[1] == 12
    assert violations[1] < violations[0] * 0.7


def test_a_lane_of_a_case_is_judged_without_the_hour_before_it() -> None:
    """A replay begins with the minimum, which is no fault of the policy."""
    quiet = Demand(requests_per_second=np.full(2 * 86_400, 60.0), start=START)
    case = Case(demand=quiet, first=START + timedelta(days=1), days=1)

    assert judge(DEFAULT, case, FLEET, Objective()).played.violations.sum() == 0
