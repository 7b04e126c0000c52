"""When somebody has to look at an endpoint, and when a deployment goes back by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlplatform.endpoint.options import AlarmLimits
from mlplatform.project import MlProject

NAMESPACE = "AWS/SageMaker"
_MINUTE_SECONDS, _MINUTES = 60, 3


class EndpointAlarms(Construct):
    """Alarms on what answers at one endpoint; all tell the project's topic, and those on variants and components roll deployments back.

    - `<endpoint>/<variant or component>/ServerErrors`: too many requests are answered with 5XX. The average of
      `Invocation5XXErrors` is their share, since it is 0 or 1 for each request.
    - `<endpoint>/<variant or component>/ModelLatency`: the 99th percentile is too high. Only with a limit.

    Each costs 0.10 USD a month (Amazon CloudWatch pricing). Source: Amazon SageMaker AI developer guide, "Amazon SageMaker AI
    metrics in Amazon CloudWatch".

    Parameters:
        project: whose topic is told.
        endpoint_name: whose alarms they are.
        answering: what answers requests, a variant or an inference component, with the dimensions of its metrics.
        limits: when.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        endpoint_name: str,
        answering: Mapping[str, Mapping[str, str]],
        limits: AlarmLimits,
    ) -> None:
        super().__init__(scope, construct_id)
        self._project, self._endpoint = project, endpoint_name
        self.by_owner: dict[str, list[str]] = {name: [] for name in answering}
        """Names of the alarms that roll a deployment back, by what answers."""
        self.arns: list[str] = []
        """Of all of them."""
        log = f"Log group: /aws/sagemaker/Endpoints/{endpoint_name}."
        for name, owner in answering.items():
            dimensions = [{"name": dimension, "value": value} for dimension, value in owner.items()]
            percent = limits.server_error_percent
            self._rolls_back(
                name,
                "ServerErrors",
                metric_name="Invocation5XXErrors",
                statistic="Average",
                threshold=percent / 100,
                dimensions=dimensions,
                alarm_description=(
                    f"More than {percent:g} % of the requests to {name} of {endpoint_name} fail in the model. During a "
                    f"deployment it goes back by itself. {log}"
                ),
            )
            if limits.latency_milliseconds is not None:
                self._rolls_back(
                    name,
                    "ModelLatency",
                    metric_name="ModelLatency",
                    extended_statistic="p99",
                    threshold=limits.latency_milliseconds * 1000,  # The metric is in microseconds.
                    dimensions=dimensions,
                    alarm_description=(
                        f"One of 100 requests to {name} of {endpoint_name} takes longer than "
                        f"{limits.latency_milliseconds:g} ms in the model. During a deployment it goes back by itself. {log}"
                    ),
                )

    @property
    def names(self) -> list[str]:
        """Of all alarms that roll a deployment back."""
        return [name for names in self.by_owner.values() for name in names]

    def add(self, construct_id: str, *, minutes: int, **properties: Any) -> cloudwatch.CfnAlarm:
        """One that tells the topic, and rolls nothing back."""
        return self._alarm(construct_id, f"{self._endpoint}/{construct_id}", minutes=minutes, **properties)

    def _rolls_back(self, owner: str, what: str, **properties: Any) -> None:
        alarm = self._alarm(f"{owner}-{what}", f"{self._endpoint}/{owner}/{what}", minutes=_MINUTES, **properties)
        self.by_owner[owner].append(alarm.ref)

    def _alarm(self, construct_id: str, name: str, *, minutes: int, **properties: Any) -> cloudwatch.CfnAlarm:
        alarm = cloudwatch.CfnAlarm(
            self,
            construct_id,
            alarm_name=name,
            namespace=NAMESPACE,
            period=_MINUTE_SECONDS,
            evaluation_periods=minutes,
            datapoints_to_alarm=minutes,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[self._project.topic_arn],
            ok_actions=[self._project.topic_arn],
            **properties,
        )
        self.arns.append(alarm.attr_arn)
        return alarm
