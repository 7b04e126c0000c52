"""Endpoints of the embedded AWS scale: out and in with their load, by steps, and by the calendar."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.local.endpoints.models import create, put_config, put_model, variant
from tests.local.endpoints.scaling import ended_activities, load, register, step, target_of, track, wait_for_capacity
from tests.local.workbench import Workbench


def test_the_capacity_follows_the_load_out_and_in(fast: Workbench) -> None:
    put_config(fast, "tracked", variant(put_model(fast, "tracked")))
    create(fast, "tracked", "tracked")
    register(fast, "tracked", 1, 4)
    policy = track(fast, "tracked", "SageMakerVariantInvocationsPerInstance", 300, ScaleInCooldown=60)

    # Eight requests per second are 480 a minute: for two instances at 300. One per second is 60.
    with load(fast, "tracked", 8) as refused:
        wait_for_capacity(fast, "tracked", 2)
    with load(fast, "tracked", 1):
        wait_for_capacity(fast, "tracked", 1)

    shrunk, grown = ended_activities(fast, "tracked")
    assert refused == []
    assert [alarm["AlarmName"].split("-")[-6] for alarm in policy["Alarms"]] == ["AlarmHigh", "AlarmLow"]
    assert grown["Description"] == "Setting desired instance count to 2."
    assert "AlarmHigh" in grown["Cause"]
    assert "AlarmLow" in shrunk["Cause"]
    assert {grown["StatusCode"], shrunk["StatusCode"]} == {"Successful"}


def test_requests_that_wait_bring_instances(fast: Workbench) -> None:
    put_config(fast, "busy", variant(put_model(fast, "busy", SECONDS="0.4", SAGEMAKER_MODEL_SERVER_WORKERS="1")))
    create(fast, "busy", "busy")
    register(fast, "busy", 1, 2)
    track(fast, "busy", "SageMakerVariantConcurrentRequestsPerModelHighResolution", 1.5, ScaleInCooldown=60)

    # Five requests per second are two at a time: more than an instance works on.
    with load(fast, "busy", 5):
        wait_for_capacity(fast, "busy", 2)
    wait_for_capacity(fast, "busy", 1)

    shrunk, *_, grown = ended_activities(fast, "busy")
    assert "AlarmHigh" in grown["Cause"]
    assert "AlarmLow" in shrunk["Cause"]


def test_steps_add_by_the_size_of_the_breach_and_not_again_in_their_cooldown(fast: Workbench) -> None:
    metrics = {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}
    put_config(fast, "stepped", variant(put_model(fast, "stepped")), MetricsConfig=metrics)
    create(fast, "stepped", "stepped")
    register(fast, "stepped", 1, 4)
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 1000, "ScalingAdjustment": 200},
        {"MetricIntervalLowerBound": 1000, "ScalingAdjustment": 900},
    ]
    step(
        fast,
        "stepped",
        "jump",
        {"Cooldown": 3600, "StepAdjustments": steps},
        "stepped-fast",
        Period=10,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=10,
    )
    with load(fast, "stepped", 8):
        wait_for_capacity(fast, "stepped", 3)
        time.sleep(2)

    (grown,) = ended_activities(fast, "stepped")
    assert grown["Cause"] == "monitor alarm stepped-fast in state ALARM triggered policy jump"


def test_steps_scale_in_before_target_tracking_is_ready(fast: Workbench) -> None:
    put_config(fast, "idle", variant(put_model(fast, "idle"), count=3))
    create(fast, "idle", "idle")
    register(fast, "idle", 1, 4)
    track(fast, "idle", "SageMakerVariantInvocationsPerInstance", 300)
    step(
        fast,
        "idle",
        "scale-in",
        {"Cooldown": 60, "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -50}]},
        "idle-in",
        Period=60,
        EvaluationPeriods=3,
        ComparisonOperator="LessThanOrEqualToThreshold",
        Threshold=100,
    )
    with load(fast, "idle", 1):
        wait_for_capacity(fast, "idle", 2)

    newest, *_ = ended_activities(fast, "idle")
    assert newest["Cause"] == "monitor alarm idle-in in state ALARM triggered policy scale-in"


def test_a_minimum_counts_at_once_and_a_scheduled_one_when_it_is_due(fast: Workbench) -> None:
    put_config(fast, "planned", variant(put_model(fast, "planned")))
    create(fast, "planned", "planned")
    scaling = fast.engine.client("application-autoscaling")
    register(fast, "planned", 2, 4)
    wait_for_capacity(fast, "planned", 2)
    due = datetime.now(UTC) + timedelta(seconds=3)
    scaling.put_scheduled_action(
        **target_of("planned"),
        ScheduledActionName="campaign",
        Schedule=f"at({due:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 3},
    )
    scaling.put_scheduled_action(
        **target_of("planned"),
        ScheduledActionName="over",
        Schedule="at(2020-01-01T00:00:00)",
        ScalableTargetAction={"MinCapacity": 4},
    )
    waiting = scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    wait_for_capacity(fast, "planned", 3)

    (target,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target_of("planned")["ResourceId"]]
    )["ScalableTargets"]
    causes = [activity["Cause"] for activity in ended_activities(fast, "planned")]
    assert [action["ScheduledActionName"] for action in waiting] == ["campaign"]
    assert scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 4)
    assert causes == [
        "scheduled action name campaign was triggered; minimum capacity was set to 3",
        "minimum capacity was set to 2",
    ]


def test_what_cannot_be_scaled_is_refused(fast: Workbench) -> None:
    scaling = fast.engine.client("application-autoscaling")
    with pytest.raises(ClientError, match="endpoint/nobody/variant/AllTraffic does not exist"):
        register(fast, "nobody", 1, 2)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException, match="No scalable target found"):
        track(fast, "nobody", "SageMakerVariantInvocationsPerInstance", 10)
