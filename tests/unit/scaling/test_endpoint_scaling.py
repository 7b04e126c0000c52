"""What a policy becomes in a template, by what it means to Application Auto Scaling and CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aws_cdk import CfnResource
from hypothesis import given
from hypothesis import strategies as st

from mlplatform import InvalidPropsError, MlProject
from mlplatform.scaling.rendering import calendar_actions
from mlscaling import (
    WAKE_FROM_ZERO,
    Event,
    Scaling,
    Signal,
    Step,
    StepIn,
    StepScaleIn,
    StepScaling,
    TargetTracking,
    by_backlog,
)
from mlscaling.policies.scaling import by_use
from tests.unit.pipeline.synthesis import Json, synthesize_project
from tests.unit.scaling.quotes import TARGET, TRACKING, define, synthesized

POLICY, ALARM = "AWS::ApplicationAutoScaling::ScalingPolicy", "AWS::CloudWatch::Alarm"


def test_a_variant_is_a_scalable_target_between_minimum_and_maximum(tmp_path: Path) -> None:
    target = synthesized(tmp_path, Scaling(minimum=2, maximum=60)).only(TARGET)

    assert target["ServiceNamespace"] == "sagemaker"
    assert target["ResourceId"] == "endpoint/quotes/variant/AllTraffic"
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 60)
    assert "ScheduledActions" not in target


@pytest.mark.parametrize(
    ("signal", "component", "metric"),
    [
        (Signal.INVOCATIONS, None, "SageMakerVariantInvocationsPerInstance"),
        (Signal.CONCURRENT_REQUESTS, None, "SageMakerVariantConcurrentRequestsPerModelHighResolution"),
        (Signal.INVOCATIONS, "forecaster", "SageMakerInferenceComponentInvocationsPerCopy"),
        (
            Signal.CONCURRENT_REQUESTS,
            "forecaster",
            "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
        ),
    ],
)
def test_target_tracking_keeps_the_signal_near_its_target(
    tmp_path: Path, signal: Signal, component: str | None, metric: str
) -> None:
    tracking = TargetTracking(target=12.5, signal=signal, scale_out_cooldown_seconds=60, scale_in=False)
    template = synthesized(tmp_path, Scaling(maximum=9, target=tracking), component_name=component)

    policy = template.only(POLICY)
    (target_id,) = template.resources(TARGET)
    assert policy["PolicyType"] == "TargetTrackingScaling"
    assert policy["ScalingTargetId"] == {"Ref": target_id}
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        "TargetValue": 12.5,
        "ScaleOutCooldown": 60,
        "ScaleInCooldown": 300,
        "DisableScaleIn": True,
    }


def test_steps_are_a_policy_and_the_alarm_that_calls_it(tmp_path: Path) -> None:
    steps = StepScaling(steps=(Step(at_least=100, add=100), Step(at_least=250, add=400)), datapoints=3)
    template = synthesized(tmp_path, Scaling(maximum=60, steps=(steps,)))

    alarm, policy = template.only(ALARM), template.only(POLICY)
    (policy_id,) = template.resources(POLICY)
    assert alarm["AlarmActions"] == [{"Ref": policy_id}]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == (
        "AWS/SageMaker", "InvocationsPerInstance", "Sum",
    )  # fmt: skip
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (10, 3, 3)
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (100, "GreaterThanOrEqualToThreshold")
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["Dimensions"] == [
        {"Name": "EndpointName", "Value": "quotes"},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
    configuration = policy["StepScalingPolicyConfiguration"]
    assert [adds(configuration, 100, value) for value in (100, 249.9, 250, 10_000)] == [100, 100, 400, 400]
    assert adds(configuration, 100, 99.9) is None
    assert (configuration["AdjustmentType"], configuration["MinAdjustmentMagnitude"]) == ("PercentChangeInCapacity", 1)
    assert configuration["Cooldown"] == 300


def test_steps_that_scale_in_are_a_policy_and_the_alarm_that_calls_it(tmp_path: Path) -> None:
    steps = StepScaleIn(steps=(StepIn(at_most=150, remove_percent=50), StepIn(at_most=60, remove_percent=79)))
    template = synthesized(tmp_path, Scaling(maximum=60, scale_in=steps))

    alarm, policy = template.only(ALARM), template.only(POLICY)
    assert alarm["AlarmActions"] == [{"Ref": next(iter(template.resources(POLICY)))}]
    assert (alarm["MetricName"], alarm["Period"], alarm["EvaluationPeriods"]) == ("InvocationsPerInstance", 60, 3)
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (150, "LessThanOrEqualToThreshold")
    assert alarm["TreatMissingData"] == "notBreaching"
    assert (alarm["AlarmName"], policy["PolicyName"]) == ("endpoint/quotes/variant/AllTraffic/ScaleIn", "scale-in")
    configuration = policy["StepScalingPolicyConfiguration"]
    assert configuration["StepAdjustments"] == [
        {"MetricIntervalUpperBound": 0, "MetricIntervalLowerBound": -90, "ScalingAdjustment": -50},
        {"MetricIntervalUpperBound": -90, "ScalingAdjustment": -79},
    ]
    assert configuration["Cooldown"] == 60


def adds(configuration: Json, threshold: float, value: float) -> int | None:
    """What Application Auto Scaling would add (user guide, "How step scaling works")."""
    for step in configuration["StepAdjustments"]:
        upper = step.get("MetricIntervalUpperBound", float("inf"))
        if step["MetricIntervalLowerBound"] <= value - threshold < upper:
            found: int = step["ScalingAdjustment"]
            return found
    return None


def test_a_component_wakes_from_zero_by_the_first_request_that_fails(tmp_path: Path) -> None:
    busy = TargetTracking(target=2, signal=Signal.CONCURRENT_REQUESTS)
    scaling = Scaling(minimum=0, maximum=4, target=busy, steps=(WAKE_FROM_ZERO,))
    template = synthesized(tmp_path, scaling, component_name="forecaster")

    target, alarm = template.only(TARGET), template.only(ALARM)
    assert (target["ResourceId"], target["MinCapacity"]) == ("inference-component/forecaster", 0)
    assert target["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    assert (alarm["MetricName"], alarm["Period"], alarm["Threshold"]) == ("NoCapacityInvocationFailures", 30, 1)
    assert alarm["Dimensions"] == [{"Name": "InferenceComponentName", "Value": "forecaster"}]
    (steps,) = [one for one in template.resources(POLICY).values() if one["PolicyType"] == "StepScaling"]
    assert steps["StepScalingPolicyConfiguration"]["AdjustmentType"] == "ChangeInCapacity"
    assert adds(steps["StepScalingPolicyConfiguration"], 1, 1) == 1


def test_instances_do_not_scale_to_zero(tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError, match="only an inference component scales to zero"):
        synthesized(tmp_path, Scaling(minimum=0, maximum=4, steps=(WAKE_FROM_ZERO,)))


@pytest.mark.parametrize(
    "parts",
    [
        {"steps": (StepScaling(signal=Signal.FAST_INVOCATIONS, steps=(Step(at_least=8, add=100),)),)},
        {"scale_in": StepScaleIn(signal=Signal.FAST_INVOCATIONS, steps=(StepIn(at_most=2, remove_percent=20),))},
    ],
)
def test_a_component_has_no_invocations_of_ten_seconds(tmp_path: Path, parts: dict[str, Any]) -> None:
    """An alarm on what nobody publishes would never be raised."""
    with pytest.raises(InvalidPropsError, match="the policy is on FAST_INVOCATIONS, which components do not have"):
        synthesized(tmp_path, Scaling(maximum=4, target=TRACKING, **parts), component_name="forecaster")


def test_an_event_raises_the_minimum_before_it_and_puts_it_back_after(tmp_path: Path) -> None:
    spot = Event(
        name="TV spot", at=datetime(2026, 12, 24, 20, 15, tzinfo=ZoneInfo("Asia/Tokyo")), capacity=45, minutes=30
    )
    target = synthesized(tmp_path, Scaling(minimum=2, maximum=60, calendar=(spot,))).only(TARGET)

    assert target["ScheduledActions"] == [
        {
            "ScheduledActionName": "calendar-20261224T1100Z",
            "Schedule": "at(2026-12-24T11:00:00)",
            "Timezone": "UTC",
            "ScalableTargetAction": {"MinCapacity": 45},
        },
        {
            "ScheduledActionName": "calendar-20261224T1145Z",
            "Schedule": "at(2026-12-24T11:45:00)",
            "Timezone": "UTC",
            "ScalableTargetAction": {"MinCapacity": 2},
        },
    ]


EVENTS = st.builds(
    Event,
    name=st.just("event"),
    at=st.datetimes(
        datetime(2026, 3, 28), datetime(2026, 3, 30), timezones=st.sampled_from([UTC, ZoneInfo("Europe/Berlin")])
    ),
    capacity=st.integers(1, 20),
    minutes=st.integers(1, 300),
    lead_minutes=st.integers(0, 90),
)


@given(events=st.lists(EVENTS, max_size=5), minute=st.integers(0, 4 * 1440))
def test_at_any_time_the_last_action_has_the_largest_capacity_of_the_events_that_are_on(
    events: list[Event], minute: int
) -> None:
    """Also where events overlap, follow on each other, or a clock is changed between them (that of Berlin on the 29th)."""
    scaling = Scaling(minimum=2, maximum=20, calendar=tuple(events))
    now = datetime(2026, 3, 27, tzinfo=UTC) + timedelta(minutes=minute)
    done = [one for one in calendar_actions(scaling) if one["schedule"] <= f"at({now:%Y-%m-%dT%H:%M:%S})"]

    is_on = [one.capacity for one in events if one.begins <= now < one.ends]
    minimum = done[-1]["scalableTargetAction"]["minCapacity"] if done else scaling.minimum
    assert minimum == max([2, *is_on])


def test_what_an_endpoint_needs_is_there_before_it_scales(tmp_path: Path) -> None:
    def defined(project: MlProject) -> None:
        endpoint = CfnResource(project, "Endpoint", type="AWS::SageMaker::Endpoint")
        define(Scaling(maximum=2), depends_on=[endpoint])(project)

    template = synthesize_project(tmp_path, defined).template
    (endpoint_id,) = [key for key, one in template["Resources"].items() if one["Type"] == "AWS::SageMaker::Endpoint"]
    (target,) = [one for one in template["Resources"].values() if one["Type"] == TARGET]
    assert target["DependsOn"] == [endpoint_id]


def test_logical_ids_follow_from_names_alone(tmp_path: Path) -> None:
    """They are state: with another one, CloudFormation would make a second policy of the same name before it takes the first."""
    steps = StepScaling(steps=(Step(at_least=100, add=100),))
    template = synthesized(tmp_path, Scaling(maximum=60, target=TRACKING, steps=(steps,)))

    assert [*template.resources(TARGET), *template.resources(POLICY), *template.resources(ALARM)] == [
        "ProjectScalingTarget650A4A89",
        "ProjectScalingTargetTrackingC75BCD50",
        "ProjectScalingStepsFastInvocationsDC341E9F",
        "ProjectScalingAlarmFastInvocationsBFF7E354",
    ]


def test_a_policy_by_backlog_is_of_an_asynchronous_endpoint(tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError, match="is on the backlog of an asynchronous endpoint, which scales itself"):
        synthesized(tmp_path, by_backlog(minimum=1, maximum=2, backlog_per_instance=5))


def test_a_serverless_endpoint_has_no_components(tmp_path: Path) -> None:
    with pytest.raises(InvalidPropsError, match="component_name is 'forecaster', and a serverless endpoint has no"):
        synthesized(tmp_path, by_use(maximum=2, target=0.7), component_name="forecaster", serverless=True)
