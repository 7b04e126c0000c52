"""What lets the minimum of an endpoint follow the forecast: a function, the schedule that calls it, and the alarm when it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aws_cdk import CfnResource
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

import mlrecords
import mlscaling
from mlplatform import naming
from mlplatform.pipeline.functions import MAX_FUNCTION_NAME_LENGTH, RuntimeFunction
from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject
from mlplatform.project.scope import NO_RESOURCE_TYPE
from mlplatform.scaling.published import ForecastIsPublished, forecast_statements
from mlplatform.scaling.rendering import Scaled
from mlrecords.codec import to_json
from mlscaling import Scaling
from mlscaling.forecasts.published import DIMENSION, FALLBACKS, NAMESPACE
from mlscaling.measurements.invocations import KEPT_DAYS

_CODE = Path(__file__).parent / "runtime" / "set_floor.py"
_LIBRARIES = tuple(Path(str(package.__file__)).parent for package in (mlrecords, mlscaling))
_TIMEOUT_SECONDS = 60
_HOUR_SECONDS = 3600


class ForecastFunction(Construct):
    """Puts scheduled actions for the next three hours, each hour, from what CloudWatch counted on the days before.

    With a published forecast, that counts where it says something. It costs some cents a month. When it fails, or a published
    forecast is not to be had, the project's topic is told, and what it has put expires by itself. With an event whose demand is worked
    out until it begins, it is called every five minutes, for as long as the event is in the calendar.

    Parameters:
        scaled: whose minimum it is.
        scaling: the policy, with a floor or such an event.
        target: what it may put actions on; it is called when that is there.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        scaled: Scaled,
        scaling: Scaling,
        target: CfnResource,
    ) -> None:
        super().__init__(scope, construct_id)
        self._name = name = _name(scaled)
        published = None if scaling.floor is None else scaling.floor.published
        self.function = RuntimeFunction(
            self,
            "Function",
            name=name,
            description=f"Lets the minimum of {scaled.resource_id} follow the forecast",
            code=_CODE,
            libraries=_LIBRARIES,
            handler="set_floor.handler",
            statements=[
                *_statements(project, scaled),
                *([] if published is None else forecast_statements(project, published)),
            ],
            key_arn=project.key_arn,
            log_retention_days=project.log_retention_days,
            failures="it is called again in an hour, what it has put expires by itself, and an alarm tells of each failure",
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        waker = ServiceRole(
            self,
            "Waker",
            service="scheduler.amazonaws.com",
            account=project.account,
            path=project.role_path,
            source_arn=_arn(project, "scheduler", "schedule-group/default"),
            description=f"Calls the function {name}",
            statements=[
                Statement(
                    sid="CallTheFunction",
                    actions=["lambda:InvokeFunction"],
                    resources=[self.function.function_arn],
                ),
                Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
            ],
        )
        schedule = scheduler.CfnSchedule(
            self,
            "Hourly",
            name=name,
            description=f"Has the minimum of {scaled.resource_id} follow the forecast",
            schedule_expression="rate(5 minutes)" if scaling.announced else "rate(1 hour)",
            flexible_time_window={"mode": "OFF"},
            kms_key_arn=project.key_arn,
            target={
                "arn": self.function.function_arn,
                "roleArn": waker.arn,
                "input": json.dumps(
                    {
                        "resource_id": scaled.resource_id,
                        "dimension": scaled.dimension,
                        "metric_dimensions": scaled.metric_dimensions,
                        "scaling": to_json(scaling),
                        "forecast_uri": None if published is None else project.output_uri(published.pipeline),
                    }
                ),
                "retryPolicy": {"maximumRetryAttempts": 2, "maximumEventAgeInSeconds": _HOUR_SECONDS // 2},
            },
        )
        schedule.add_resource_dependency(target)
        self.alarm = self._alarm(
            "Failed",
            project,
            f"The function {name} failed: the minimum of {scaled.resource_id} follows the forecast for two more hours at most, "
            f"then it is what the policy declares. Look into its log, /aws/lambda/{name}; its next call is within the hour",
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions=[{"name": "FunctionName", "value": self.function.resource.ref}],
        )
        """What tells the project's topic when the function fails."""
        if published is not None:
            self.node.add_validation(ForecastIsPublished(project, scaled, published))
            self._alarm(
                "Fallback",
                project,
                f"The minimum of {scaled.resource_id} follows the quantile of the past, for some of the next hours at least: what "
                f"{published.pipeline} published is missing, too old, malformed, or has no rows for them. The reason is in the log "
                f"/aws/lambda/{name}. Run next: mlp watch {published.pipeline}",
                namespace=NAMESPACE,
                metric_name=FALLBACKS,
                dimensions=[{"name": DIMENSION, "value": scaled.resource_id}],
            )

    def _alarm(self, construct_id: str, project: MlProject, says: str, **metric: Any) -> cloudwatch.CfnAlarm:
        """When a metric was over 0 in an hour."""
        return cloudwatch.CfnAlarm(
            self,
            construct_id,
            alarm_name=f"{self._name}/{construct_id}",
            alarm_description=says,
            **metric,
            statistic="Sum",
            period=_HOUR_SECONDS,
            evaluation_periods=1,
            threshold=0,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[project.topic_arn],
            ok_actions=[project.topic_arn],
        )


def floor_problems(scaled: Scaled, scaling: Scaling) -> Iterator[str]:
    """A sentence for each reason why a function could not follow the forecast."""
    if not scaling.forecast:
        return
    if scaling.floor is not None and scaling.floor.days_seen > KEPT_DAYS:
        yield (
            f"the forecast looks at the last {scaling.floor.days_seen} days, and CloudWatch keeps {KEPT_DAYS}; use fewer periods or "
            "recent_hours"
        )
    name = _name(scaled)
    if not naming.is_token(name) and len(name) > MAX_FUNCTION_NAME_LENGTH:
        yield (
            f"the function '{name}' has a name of {len(name)} characters, and Lambda takes {MAX_FUNCTION_NAME_LENGTH}; use a "
            "shorter name for the endpoint, the variant or the component"
        )


def _name(scaled: Scaled) -> str:
    whose = (
        scaled.component_name if scaled.component_name is not None else f"{scaled.endpoint_name}-{scaled.variant_name}"
    )
    return f"{whose}-floor"


def _statements(project: MlProject, scaled: Scaled) -> list[Statement]:
    return [
        Statement(
            sid="ReadDemand",
            actions=["cloudwatch:GetMetricData"],
            resources=["*"],
            wildcard_reason=NO_RESOURCE_TYPE,
        ),
        Statement(
            sid="ReadActions",
            actions=["application-autoscaling:DescribeScheduledActions"],
            resources=["*"],
            wildcard_reason=NO_RESOURCE_TYPE,
        ),
        Statement(
            sid="SetTheFloor",
            actions=["application-autoscaling:DeleteScheduledAction", "application-autoscaling:PutScheduledAction"],
            resources=[_arn(project, "application-autoscaling", "scalable-target/*")],
            conditions={
                "StringEquals": {
                    "application-autoscaling:service-namespace": "sagemaker",
                    "application-autoscaling:scalable-dimension": scaled.dimension,
                    "aws:ResourceTag/project": project.name,
                }
            },
            wildcard_reason="Application Auto Scaling numbers its targets when they are registered; the condition tells whose they are",
        ),
        Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
    ]


def _arn(project: MlProject, service: str, resource: str) -> str:
    return f"arn:{project.partition}:{service}:{project.region}:{project.account}:{resource}"
