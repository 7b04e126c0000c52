"""How a policy is written for Application Auto Scaling and CloudWatch: pure, property by property.

Sources: Application Auto Scaling API reference, `TargetTrackingScalingPolicyConfiguration`, `StepScalingPolicyConfiguration`,
`PutScheduledAction`; Amazon SageMaker AI developer guide, "Define a scaling policy", "Scale an endpoint to zero instances",
"Amazon SageMaker AI metrics in Amazon CloudWatch".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from mlscaling import Scaling, Signal, StepScaleIn, StepScaling, TargetTracking

NAMESPACE = "AWS/SageMaker"
CALENDAR_ACTION = "calendar-"
"""How the names of the calendar's scheduled actions begin."""

_OF_COMPONENTS = {
    Signal.INVOCATIONS: "SageMakerInferenceComponentInvocationsPerCopy",
    Signal.CONCURRENT_REQUESTS: "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
}
_METRICS = {
    Signal.INVOCATIONS: ("InvocationsPerInstance", "InvocationsPerCopy", "Sum"),
    Signal.CONCURRENT_REQUESTS: ("ConcurrentRequestsPerModel", "ConcurrentRequestsPerCopy", "Maximum"),
    Signal.FAST_INVOCATIONS: ("InvocationsPerInstance", "InvocationsPerCopy", "Sum"),
    Signal.NO_CAPACITY: ("NoCapacityInvocationFailures", "NoCapacityInvocationFailures", "Maximum"),
}
"""By signal: the metric of a variant, that of a component, and the statistic that is meant."""


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """What is scaled: the instances of a variant, its warm containers, or the copies of an inference component."""

    endpoint_name: str
    variant_name: str
    component_name: str | None = None
    serverless: bool = False

    @property
    def resource_id(self) -> str:
        """As Application Auto Scaling names it."""
        if self.component_name is not None:
            return f"inference-component/{self.component_name}"
        return f"endpoint/{self.endpoint_name}/variant/{self.variant_name}"

    @property
    def dimension(self) -> str:
        """What of it changes."""
        if self.component_name is not None:
            return "sagemaker:inference-component:DesiredCopyCount"
        if self.serverless:
            return "sagemaker:variant:DesiredProvisionedConcurrency"
        return "sagemaker:variant:DesiredInstanceCount"

    @property
    def metric_dimensions(self) -> dict[str, str]:
        """Whose metrics are watched."""
        if self.component_name is not None:
            return {"InferenceComponentName": self.component_name}
        return {"EndpointName": self.endpoint_name, "VariantName": self.variant_name}

    def target_tracking(self, target: TargetTracking) -> dict[str, Any]:
        """Application Auto Scaling makes the alarms itself."""
        metric = target.signal.value if self.component_name is None else _OF_COMPONENTS[target.signal]
        return {
            "predefinedMetricSpecification": {"predefinedMetricType": metric},
            "targetValue": target.target,
            "scaleOutCooldown": target.scale_out_cooldown_seconds,
            "scaleInCooldown": target.scale_in_cooldown_seconds,
            "disableScaleIn": not target.scale_in,
        }

    def alarm(self, steps: StepScaling | StepScaleIn) -> dict[str, Any]:
        """In alarm from the first step on, after as many values as the policy says; without a value it is not."""
        comparison, threshold = (
            ("LessThanOrEqualToThreshold", steps.steps[0].at_most)
            if isinstance(steps, StepScaleIn)
            else ("GreaterThanOrEqualToThreshold", steps.steps[0].at_least)
        )
        of_variant, of_component, statistic = _METRICS[steps.signal]
        return {
            "namespace": NAMESPACE,
            "metric_name": of_variant if self.component_name is None else of_component,
            "dimensions": [{"name": name, "value": value} for name, value in self.metric_dimensions.items()],
            "statistic": statistic,
            "period": steps.signal.period_seconds,
            "evaluation_periods": steps.datapoints,
            "datapoints_to_alarm": steps.datapoints,
            "threshold": threshold,
            "comparison_operator": comparison,
            "treat_missing_data": "notBreaching",
        }


def step_scaling(policy: StepScaling) -> dict[str, Any]:
    """Bounds of steps are counted from the alarm's threshold, the lower one included."""
    first = policy.steps[0].at_least
    bounds = [step.at_least - first for step in policy.steps]
    adjustments: list[dict[str, float]] = [
        {"metricIntervalLowerBound": lower, "scalingAdjustment": int(step.add)}
        for lower, step in zip(bounds, policy.steps, strict=True)
    ]
    for adjustment, (_, upper) in zip(adjustments, pairwise(bounds), strict=False):
        adjustment["metricIntervalUpperBound"] = upper
    at_least = {"minAdjustmentMagnitude": 1} if policy.percent else {}
    return {
        "adjustmentType": "PercentChangeInCapacity" if policy.percent else "ChangeInCapacity",
        "cooldown": policy.cooldown_seconds,
        "metricAggregationType": "Maximum",
        "stepAdjustments": adjustments,
        **at_least,
    }


def step_scale_in(policy: StepScaleIn) -> dict[str, Any]:
    """Bounds of steps are counted from the alarm's threshold, the upper one included."""
    first = policy.steps[0].at_most
    bounds = [step.at_most - first for step in policy.steps]
    adjustments: list[dict[str, float]] = [
        {"metricIntervalUpperBound": upper, "scalingAdjustment": -step.remove_percent}
        for upper, step in zip(bounds, policy.steps, strict=True)
    ]
    for adjustment, (_, lower) in zip(adjustments, pairwise(bounds), strict=False):
        adjustment["metricIntervalLowerBound"] = lower
    return {
        "adjustmentType": "PercentChangeInCapacity",
        "cooldown": policy.cooldown_seconds,
        "metricAggregationType": "Maximum",
        "minAdjustmentMagnitude": 1,
        "stepAdjustments": adjustments,
    }


def calendar_actions(scaling: Scaling) -> list[dict[str, Any]]:
    """One action for each change of the calendar's minimum; the last of an event puts back what holds without it.

    In UTC, in which no time is skipped or there twice: events of several time zones are on one line, and their order is that of the
    actions. Nothing depends on the time of the synthesis: events that are over stay, as actions that do nothing any more.
    """
    return [
        {
            "scheduledActionName": f"{CALENDAR_ACTION}{moment:%Y%m%dT%H%MZ}",
            "schedule": at(moment),
            "timezone": "UTC",
            "scalableTargetAction": {"minCapacity": minimum},
        }
        for moment, minimum in scaling.calendar_changes()
    ]


def at(moment: datetime) -> str:
    """A one-time schedule in UTC."""
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"
