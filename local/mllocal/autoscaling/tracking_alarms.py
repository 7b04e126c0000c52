"""The two alarms that a target tracking policy makes, and which of its metric they watch.

Sources: Application Auto Scaling user guide, "How target tracking scaling works"; API reference, `PredefinedMetricSpecification`;
numbers measured on the alarms that Application Auto Scaling makes (see `mlscaling.replay.outcome`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from mllocal.aws import Aws
from mllocal.errors import validation
from mllocal.sagemaker.store import Document, Scope

OUT_DATAPOINTS, IN_SECONDS, IN_SHARE_OF_TARGET = 3, 900, 0.9
_MINUTE = 60
# Predefined metric: name in CloudWatch, statistic, period in seconds.
_PREDEFINED = {
    "SageMakerVariantInvocationsPerInstance": ("InvocationsPerInstance", "Sum", _MINUTE),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": ("ConcurrentRequestsPerModel", "Average", 10),
    "SageMakerVariantProvisionedConcurrencyUtilization": (
        "ServerlessProvisionedConcurrencyUtilization",
        "Maximum",
        _MINUTE,
    ),
    "SageMakerInferenceComponentInvocationsPerCopy": ("InvocationsPerCopy", "Sum", _MINUTE),
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": ("ConcurrentRequestsPerCopy", "Average", 10),
}


@dataclass(frozen=True)
class Metric:
    """What is watched, in the members of `PutMetricAlarm`."""

    members: dict[str, Any]
    period_seconds: int

    @classmethod
    def of(cls, policy: Document) -> Metric:
        """The metric of a target tracking policy. Raises `ApiError` for one that the embedded AWS does not watch."""
        configuration = policy["TargetTrackingScalingPolicyConfiguration"]
        if "CustomizedMetricSpecification" in configuration:
            return cls._customized(configuration["CustomizedMetricSpecification"])
        name = configuration["PredefinedMetricSpecification"]["PredefinedMetricType"]
        if name not in _PREDEFINED:
            raise validation(f"the embedded AWS has no metric {name}; it has {', '.join(_PREDEFINED)}")
        metric, statistic, period = _PREDEFINED[name]
        dimensions = [{"Name": kind, "Value": value} for kind, value in _owner(policy["ResourceId"]).items()]
        members = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions, "Statistic": statistic}
        return cls(members, period)

    @classmethod
    def _customized(cls, given: Document) -> Metric:
        if "Metrics" in given:
            raise validation("CustomizedMetricSpecification.Metrics is math, which the embedded AWS does not evaluate")
        names = ("Namespace", "MetricName", "Dimensions", "Statistic", "Unit")
        return cls({name: given[name] for name in names if name in given}, _MINUTE)


def _owner(resource_id: str) -> dict[str, str]:
    """The dimensions of what a policy is for."""
    match resource_id.split("/"):
        case ["inference-component", component]:
            return {"InferenceComponentName": component}
        case [_, endpoint, _, variant]:
            return {"EndpointName": endpoint, "VariantName": variant}
    raise validation(f"{resource_id} has no predefined metrics")


def put_alarms(scope: Scope, policy: Document) -> list[Document]:
    """Make the alarms of a target tracking policy, or change those that it has."""
    target = policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
    metric = Metric.of(policy)
    rules = {
        "AlarmHigh": ("GreaterThanThreshold", target, OUT_DATAPOINTS),
        "AlarmLow": ("LessThanThreshold", target * IN_SHARE_OF_TARGET, IN_SECONDS // metric.period_seconds),
    }
    return [_put(scope, policy, name, metric, *rule) for name, rule in rules.items()]


def _put(
    scope: Scope, policy: Document, which: str, metric: Metric, comparison: str, threshold: float, periods: int
) -> Document:
    arn: str = policy["PolicyARN"]
    name = f"TargetTracking-{policy['ResourceId']}-{which}-{uuid.uuid5(uuid.NAMESPACE_URL, arn + which)}"
    Aws(scope).client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        AlarmDescription=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.",
        **metric.members,
        Period=metric.period_seconds,
        EvaluationPeriods=periods,
        ComparisonOperator=comparison,
        Threshold=threshold,
        AlarmActions=[arn],
    )
    return {"AlarmName": name, "AlarmARN": f"arn:aws:cloudwatch:{scope.region}:{scope.account}:alarm:{name}"}


def delete_alarms(scope: Scope, policy: Document) -> None:
    """Take away what `put_alarms` made; alarms of step scaling policies are their owners'."""
    if names := [alarm["AlarmName"] for alarm in policy["Alarms"]]:
        Aws(scope).client("cloudwatch").delete_alarms(AlarmNames=names)
