"""What scales an asynchronous endpoint: a target for its backlog, a step that wakes it, and a calendar."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import CfnResource
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlplatform.endpoint.alarms import NAMESPACE
from mlplatform.endpoint.options import MAIN
from mlplatform.scaling.endpoint_scaling import calendar_problems
from mlplatform.scaling.rendering import calendar_actions, step_scaling
from mlscaling import Scaling, Signal, StepScaling, TargetTracking, by_backlog

_MOST_WAITING, _MOST_INSTANCES = 5.0, 1
"""When not given; the backlog is that of AWS's example (developer guide, "Autoscale an asynchronous endpoint")."""


def backlog_problems(
    scaling: Scaling | None, minimum: int | None, maximum: int | None, backlog: float | None
) -> Iterator[str]:
    """A sentence for each number that cannot be one, and for a policy that an asynchronous endpoint cannot follow."""
    if scaling is None:
        yield from _number_problems(*_numbers(minimum, maximum, backlog))
        return
    numbers = {"min_instances": minimum, "max_instances": maximum, "backlog_per_instance": backlog}
    for name, value in numbers.items():
        if value is not None:
            yield f"{name} is {value}, and there is scaling, which decides on it; leave one out"
    followed = None if scaling.target is None else scaling.target.signal
    woken = all(steps.signal is Signal.BACKLOG_WITHOUT_CAPACITY for steps in scaling.steps)
    if followed is not Signal.BACKLOG_PER_INSTANCE or not woken or scaling.scale_in is not None or scaling.forecast:
        yield (
            "an asynchronous endpoint follows a target on BACKLOG_PER_INSTANCE, WAKE_FROM_BACKLOG and a calendar of capacities, and "
            "scaling is another policy; use by_backlog(maximum=4, backlog_per_instance=5), or what `mlp scaling tune --asynchronous` wrote"
        )
    yield from calendar_problems(scaling)


def backlog_policy(scaling: Scaling | None, minimum: int | None, maximum: int | None, backlog: float | None) -> Scaling:
    """The policy that is meant."""
    least, most, waiting = _numbers(minimum, maximum, backlog)
    return by_backlog(minimum=least, maximum=most, backlog_per_instance=waiting) if scaling is None else scaling


def scale_by_backlog(
    scope: Construct, endpoint_name: str, scaling: Scaling, *, endpoint: CfnResource
) -> autoscaling.CfnScalableTarget:
    """What Application Auto Scaling scales, with its policies, in the scope of the endpoint; returns it."""
    scaled = autoscaling.CfnScalableTarget(
        scope,
        "Target",
        service_namespace="sagemaker",
        resource_id=f"endpoint/{endpoint_name}/variant/{MAIN}",
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        min_capacity=scaling.minimum,
        max_capacity=scaling.maximum,
        scheduled_actions=calendar_actions(scaling) or None,
    )
    scaled.add_resource_dependency(endpoint)
    dimensions = [{"name": "EndpointName", "value": endpoint_name}]
    if scaling.target is not None:
        _follow(scope, scaling.target, scaled, dimensions)
    for steps in scaling.steps:
        _wake(scope, endpoint_name, steps, scaled, dimensions)
    return scaled


def _follow(
    scope: Construct,
    target: TargetTracking,
    scaled: autoscaling.CfnScalableTarget,
    dimensions: list[dict[str, str]],
) -> None:
    autoscaling.CfnScalingPolicy(
        scope,
        "ByBacklog",
        policy_name="by-backlog",
        policy_type="TargetTrackingScaling",
        scaling_target_id=scaled.ref,
        target_tracking_scaling_policy_configuration={
            "targetValue": target.target,
            "scaleOutCooldown": target.scale_out_cooldown_seconds,
            "scaleInCooldown": target.scale_in_cooldown_seconds,
            "disableScaleIn": not target.scale_in,
            "customizedMetricSpecification": {
                "namespace": NAMESPACE,
                "metricName": target.signal.value,
                "statistic": "Average",
                "dimensions": dimensions,
            },
        },
    )


def _wake(
    scope: Construct,
    endpoint_name: str,
    steps: StepScaling,
    scaled: autoscaling.CfnScalableTarget,
    dimensions: list[dict[str, str]],
) -> None:
    wake = autoscaling.CfnScalingPolicy(
        scope,
        "FromZero",
        policy_name="from-zero",
        policy_type="StepScaling",
        scaling_target_id=scaled.ref,
        step_scaling_policy_configuration=step_scaling(steps),
    )
    cloudwatch.CfnAlarm(
        scope,
        "Waiting",
        alarm_name=f"{endpoint_name}/Waiting",
        alarm_description=f"Brings the first instance of {endpoint_name}; in alarm, it works as it should",
        namespace=NAMESPACE,
        metric_name=steps.signal.value,
        dimensions=dimensions,
        statistic="Average",
        period=steps.signal.period_seconds,
        evaluation_periods=steps.datapoints,
        datapoints_to_alarm=steps.datapoints,
        threshold=steps.steps[0].at_least,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="missing",
        alarm_actions=[wake.ref],
    )


def _numbers(minimum: int | None, maximum: int | None, backlog: float | None) -> tuple[int, int, float]:
    return (
        0 if minimum is None else minimum,
        _MOST_INSTANCES if maximum is None else maximum,
        _MOST_WAITING if backlog is None else backlog,
    )


def _number_problems(minimum: int, maximum: int, backlog: float) -> Iterator[str]:
    if not 0 <= minimum <= maximum or maximum < 1:
        yield f"capacity is {minimum} to {maximum} instances; use 0 or more, and a maximum of 1 or more that is not below"
    if not backlog > 0:
        yield f"backlog_per_instance is {backlog}; use more than 0"
