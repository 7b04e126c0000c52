"""Each documented behaviour of Application Auto Scaling on SageMaker endpoints, as the replay has it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mlscaling.policies.reactive import WAKE_FROM_ZERO, Signal, Step, StepIn, StepScaleIn, StepScaling, TargetTracking
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.fleet import Provisioning
from mlscaling.replay.outcome import replay
from tests.unit.mlscaling.playing import FLEET, changes, play, steady, tracking


def test_target_tracking_scales_out_after_three_values_over_the_target_and_the_delay_of_the_metric() -> None:
    """Measured on the alarms that Application Auto Scaling makes: 3 datapoints of a minute. 10 instances at 300 are 20 at 150.

    Three minutes of values, published a minute later: the change is there from minute 10 + 4 on.
    """
    outcome = play(tracking(300, minimum=2), steady((10, 5), (30, 50)))

    assert changes(outcome) == [(0, 2), (14, 10)]


def test_two_values_over_the_target_are_not_enough() -> None:
    assert changes(play(tracking(300, minimum=2), steady((10, 5), (2, 50), (30, 5)))) == [(0, 2)]


def test_target_tracking_on_the_metric_of_ten_seconds_scales_out_six_times_as_fast() -> None:
    """Developer guide, "Define a scaling policy": high-resolution predefined metrics. 3 values of 10 s, and 10 s of delay."""
    policy = tracking(2, minimum=5, signal=Signal.CONCURRENT_REQUESTS)

    outcome = play(policy, steady((10, 5), (5, 40)))

    paid = outcome.instances_by_minute[10, 0]
    assert paid == pytest.approx(
        (4 * 5 + 2 * 8) / 6
    )  # 40 requests per second of 50: 3.2 of 4 in flight; 5 x 3.2 / 2 is 8.


def test_target_tracking_scales_in_after_fifteen_values_under_nine_tenths_of_the_target() -> None:
    """Measured on the alarms that Application Auto Scaling makes: 15 datapoints of a minute, at 0.9 of the target."""
    outcome = play(tracking(300, minimum=1), steady((1, 5), (9, 100), (60, 20)), FLEET)

    out, scale_in = changes(outcome)[1:3]
    assert out == (5, 20)
    assert scale_in == (10 + 15 + 1, 4)


def test_values_between_nine_tenths_of_the_target_and_the_target_do_not_scale_in() -> None:
    assert changes(play(tracking(300, minimum=1), steady((60, 4.6)))) == [(0, 1)]
    outcome = play(tracking(300), steady((9, 100), (60, 95)))
    assert changes(outcome)[-1][1] == 20


def test_a_cooldown_of_scale_in_blocks_the_next_one() -> None:
    """User guide, "Define cooldown periods": "used to block subsequent scale-in requests until it has expired"."""
    falling = [steady((20, 100)), np.linspace(100, 10, 3600)]
    usual, long = (
        changes(play(tracking(300, scale_in_cooldown_seconds=cooldown), np.concatenate(falling)))
        for cooldown in (0, 1200)
    )

    assert all(later[0] - earlier[0] >= 20 for earlier, later in pairwise(long[2:]))
    assert len(long) < len(usual)


def test_a_target_without_scale_in_never_gives_back() -> None:
    """API reference, `TargetTrackingScalingPolicyConfiguration`, `DisableScaleIn`."""
    assert changes(play(tracking(300, scale_in=False), steady((10, 100), (60, 5))))[-1][1] == 20


def test_no_request_is_no_data_and_moves_nothing() -> None:
    """User guide, "How target tracking scaling works": with insufficient data it cannot scale until there is data again.

    Invocations are sent with requests; concurrent requests are there, and 0, without any.
    """
    silent = steady((10, 100), (60, 0))

    assert changes(play(tracking(300), silent))[-1][1] == 20
    assert changes(play(tracking(2, signal=Signal.CONCURRENT_REQUESTS), silent))[-1][1] == 1


def test_an_instance_is_paid_from_the_decision_on_and_serves_when_it_is_provisioned() -> None:
    outcome = play(tracking(300, minimum=2), steady((10, 5), (30, 50)))

    assert outcome.instances_by_minute[14, 0] == 10
    assert list(outcome.in_service_by_minute[[18, 19], 0]) == [2, 10]


def test_an_endpoint_that_is_updating_takes_no_other_change() -> None:
    """Developer guide, "Update endpoints that use auto scaling": auto scaling is blocked while the update is in progress."""
    outcome = play(tracking(300, minimum=1), steady((10, 5), (3, 50), (40, 200)))

    (_, first), (next_minute, second) = changes(outcome)[1:3]
    assert first < second == 40
    assert next_minute >= 14 + 5


def test_in_the_cooldown_of_scale_out_what_it_added_is_part_of_the_next_scale_out() -> None:
    """User guide, "Define cooldown periods": no further increase "unless either a larger scale out is triggered or the cooldown
    period ends".

    Demand rises once more when the first instances are there. Each then has 360 of 300, which from the one of before is 2 and no
    larger scale-out.
    """
    demand = steady((10, 5), (11, 25), (40, 30))
    short, long = (changes(play(tracking(300, scale_out_cooldown_seconds=cooldown), demand)) for cooldown in (300, 900))

    assert [instances for _, instances in short[:3]] == [instances for _, instances in long[:3]] == [1, 5, 6]
    assert short[2][0] < long[2][0]
    assert long[2][0] >= long[1][0] + 5 + 15


def test_steps_add_by_the_size_of_the_breach_rounded_down_but_one_at_least() -> None:
    """API reference, `StepScalingPolicyConfiguration`: percent of the capacity."""
    steps = StepScaling(signal=Signal.FAST_INVOCATIONS, steps=(Step(at_least=50, add=10), Step(at_least=80, add=75)))
    policy = Scaling(minimum=3, maximum=100, steps=(steps,))

    assert changes(play(policy, steady((10, 5), (5, 18))))[-1][1] == 4
    assert changes(play(policy, steady((10, 5), (5, 25))))[-1][1] == 5


def test_in_the_cooldown_a_larger_step_adds_what_it_is_larger_by() -> None:
    """API reference, `StepScalingPolicyConfiguration`: of 3 after 2, "only 1 is added to the capacity"."""
    steps = (Step(at_least=50, add=2), Step(at_least=80, add=3))
    policy = Scaling(minimum=3, maximum=100, steps=(StepScaling(steps=steps, percent=False, cooldown_seconds=900),))

    assert [one for _, one in changes(play(policy, steady((10, 5), (7, 18), (7, 45))))] == [3, 5, 6]


def test_steps_scale_in_before_target_tracking_is_ready() -> None:
    """API reference, `PutScalingPolicy`: "the scale-in activity will not be blocked". After 3 values instead of 15, by half and then by
    half of what is left, rounded down."""
    quick = StepScaleIn(steps=(StepIn(at_most=150, remove_percent=50),), cooldown_seconds=120)
    target = TargetTracking(target=300)
    policies = [Scaling(maximum=100, target=target), Scaling(maximum=100, target=target, scale_in=quick)]

    outcome = replay(policies, FLEET, steady((10, 5), (30, 50), (40, 4)))

    slow, fast = (changes(outcome, lane) for lane in range(2))
    (out, most), *_ = [one for one in slow if one[1] > 5]
    assert [instances for minute, instances in fast if minute >= out] == [most, 5, 3, 2, 1]
    came_in = [next(minute for minute, instances in lane if minute > out and instances < most) for lane in (slow, fast)]
    assert came_in[0] - came_in[1] == 12


def test_while_an_endpoint_loses_instances_it_takes_no_other_change() -> None:
    """Developer guide, "Update endpoints that use auto scaling": scaling is blocked while it is `Updating`."""
    quick = StepScaleIn(steps=(StepIn(at_most=150, remove_percent=50),))
    policy = Scaling(minimum=1, maximum=100, target=TargetTracking(target=300), scale_in=quick)
    minimums = np.array([[10]] * 10 + [[1]] * 2 + [[8]] * 20)
    demand = steady((32, 5))

    at_once, blocked = (
        changes(play(policy, demand, replace(FLEET, scale_in_seconds=seconds), minimums)) for seconds in (10, 600)
    )

    assert at_once[-1][0] < blocked[-1][0]
    assert at_once[-1][1] == blocked[-1][1] == 8


def test_the_largest_capacity_that_a_policy_wants_counts() -> None:
    """User guide, "How target tracking scaling works", multiple scaling policies."""
    target = TargetTracking(target=300)
    steps = StepScaling(steps=(Step(at_least=60, add=30),), percent=False)
    policies = [
        Scaling(maximum=100, target=target),
        Scaling(maximum=100, steps=(steps,)),
        Scaling(maximum=100, target=target, steps=(steps,)),
    ]

    outcome = replay(policies, FLEET, steady((10, 5), (5, 50)))

    assert [changes(outcome, lane)[-1][1] for lane in range(3)] == [10, 31, 31]


def test_a_minimum_that_rises_raises_the_capacity_at_once_and_one_that_falls_does_nothing() -> None:
    """User guide, "Scheduled scaling": at least this much capacity, but it might have more."""
    minimums = np.array([[2]] * 10 + [[8]] * 10 + [[2]] * 10)

    assert changes(play(tracking(300, minimum=2, scale_in=False), steady((30, 5)), minimums=minimums)) == [
        (0, 2),
        (10, 8),
    ]


def test_a_minimum_that_rises_while_the_endpoint_is_updating_holds_as_soon_as_it_is_not() -> None:
    minimums = np.array([[2]] * 10 + [[8]] * 2 + [[16]] * 18)

    assert changes(play(tracking(300), steady((30, 5)), minimums=minimums))[-1] == (16, 16)


def test_capacity_stays_within_the_maximum() -> None:
    assert changes(play(tracking(300, maximum=7), steady((10, 5), (30, 100))))[-1][1] == 7


def test_requests_that_an_instance_rejects_count_as_invocations() -> None:
    """Developer guide, "SageMaker AI metrics in Amazon CloudWatch": requests that were sent to the endpoint."""
    assert changes(play(tracking(300, minimum=1), steady((10, 5), (10, 100))))[-1][1] == 20


def test_concurrent_requests_saturate_when_an_instance_rejects() -> None:
    """4 in flight and 20 that wait: whether demand is 10 or 40 times the capacity cannot be seen, and both want 12 instances."""
    wants = [
        changes(play(tracking(2, signal=Signal.CONCURRENT_REQUESTS), steady((10, 1), (4, rate))))[-1][1]
        for rate in (100, 400)
    ]

    assert wants == [12, 12]


def test_steps_on_concurrent_requests_see_an_instance_that_serves_less_than_its_target() -> None:
    """9 a second for each, of which one serves 7: the target of 9 is kept, and only what waits tells that it is too much. Target
    tracking takes away again what came, a quarter of an hour later."""
    weak = replace(FLEET, requests_per_second=7)
    net = StepScaling(signal=Signal.CONCURRENT_REQUESTS, steps=(Step(at_least=12, add=50),), datapoints=3)
    target = tracking(540, minimum=2)

    lost, held = (
        play(policy, steady((60, 18)), weak).violations_by_minute[15:, 0].sum()
        for policy in (target, replace(target, steps=(net,)))
    )

    assert lost == 45 * 60 * 18
    assert held < 0.3 * lost


def test_a_request_without_capacity_wakes_one_instance_and_is_a_violation() -> None:
    """Developer guide, "Scale an endpoint to zero instances": until then, "any attempts to invoke the endpoint will produce an
    error"."""
    policy = Scaling(minimum=0, maximum=5, steps=(WAKE_FROM_ZERO,))

    outcome = play(policy, steady((10, 0), (10, 2)))

    assert list(outcome.instances_by_minute[[9, 11], 0]) == [0, 1]
    assert outcome.violations_by_minute[:, 0].sum() == pytest.approx(2 * (300 + 40), abs=25)


def test_provisioning_may_be_a_distribution_which_is_the_same_for_all_lanes() -> None:
    fleet = replace(FLEET, provisioning=Provisioning(shortest_seconds=134, usual_seconds=300, longest_seconds=525))

    outcome = replay([tracking(300)] * 2, fleet, steady((10, 5), (30, 50)), seed=3)

    came = np.flatnonzero(np.diff(outcome.in_service_by_minute[:, 0]))[0] - 13
    assert 134 / 60 - 1 <= came <= 525 / 60 + 1
    assert np.array_equal(outcome.in_service_by_minute[:, 0], outcome.in_service_by_minute[:, 1])


def test_a_new_instance_is_slow_while_it_warms_up() -> None:
    fleet = replace(FLEET, warm_up_seconds=120, warm_up_share=0.2)
    demand, policy = steady((10, 5), (30, 60)), tracking(300)

    warm, cold = play(policy, demand), play(policy, demand, fleet)

    assert warm.violations_by_minute[19:21, 0].sum() == 0
    assert cold.violations_by_minute[19:21, 0].sum() > 0
    assert cold.violations_by_minute[22:, 0].sum() == 0


def test_a_lane_does_not_depend_on_the_lanes_beside_it() -> None:
    random = np.random.default_rng(5)
    arrivals = random.poisson(np.interp(np.arange(6 * 3600), [0, 7000, 9000, 21600], [20, 30, 200, 20])).astype(float)
    steps = StepScaling(steps=(Step(at_least=90, add=100),))
    policies = [
        tracking(300),
        tracking(2, signal=Signal.CONCURRENT_REQUESTS),
        Scaling(maximum=100, target=TargetTracking(target=420), steps=(steps,)),
    ]

    together = replay(policies, FLEET, arrivals)

    for lane, policy in enumerate(policies):
        alone = replay([policy], FLEET, arrivals)
        assert np.array_equal(alone.instances_by_minute[:, 0], together.instances_by_minute[:, lane])
        assert np.array_equal(alone.violations_by_minute[:, 0], together.violations_by_minute[:, lane])


def test_nothing_to_play_is_an_error() -> None:
    with pytest.raises(ValueError, match="there are 0 policies and 59 seconds; give at least 1 and 60"):
        replay([], FLEET, np.zeros(59))


def test_a_target_of_requests_at_once_goes_to_zero() -> None:
    """Without a request no request is at work, which is a value."""
    dozing = replace(tracking(3, signal=Signal.CONCURRENT_REQUESTS), minimum=0, steps=(WAKE_FROM_ZERO,))

    assert changes(play(dozing, steady((10, 1), (60, 0))))[-1][1] == 0


def test_a_target_of_invocations_does_not_scale_in_without_any() -> None:
    """Amazon SageMaker AI developer guide, "Edit a scaling policy": SageMaker publishes no metrics with a value of zero."""
    assert changes(play(tracking(300), steady((10, 20), (60, 0))))[-1][1] > 1
