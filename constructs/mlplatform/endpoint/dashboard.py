"""An endpoint at one look."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlplatform.endpoint.alarms import NAMESPACE
from mlplatform.widgets import Widget, arranged

_INSTANCES = "/aws/sagemaker/Endpoints"
"""The namespace of what instances use."""
VARIANT_GRAPHS = (
    ("Invocations a minute", NAMESPACE, ("Invocations",), "Sum"),
    ("Model latency, microseconds, p99", NAMESPACE, ("ModelLatency",), "p99"),
    ("Overhead latency, microseconds, p99", NAMESPACE, ("OverheadLatency",), "p99"),
    ("Requests that failed", NAMESPACE, ("Invocation4XXErrors", "Invocation5XXErrors"), "Sum"),
    ("Invocations of an instance in a minute", NAMESPACE, ("InvocationsPerInstance",), "Sum"),
    ("CPU and memory, percent", _INSTANCES, ("CPUUtilization", "MemoryUtilization"), "Average"),
)
COMPONENT_GRAPHS = (
    *VARIANT_GRAPHS[:4],
    ("Invocations of a copy in a minute", NAMESPACE, ("InvocationsPerCopy",), "Sum"),
    ("Requests without a copy", NAMESPACE, ("NoCapacityInvocationFailures",), "Sum"),
    (
        "CPU and memory, percent of what a copy has",
        "/aws/sagemaker/InferenceComponents",
        ("CPUUtilizationNormalized", "MemoryUtilizationNormalized"),
        "Average",
    ),
)
SERVERLESS_GRAPHS = (
    *VARIANT_GRAPHS[:4],
    ("Start of a cold container, microseconds", NAMESPACE, ("ModelSetupTime",), "Maximum"),
    ("Provisioned concurrency in use", NAMESPACE, ("ServerlessProvisionedConcurrencyUtilization",), "Maximum"),
)
ASYNC_GRAPHS = (
    ("Backlog", NAMESPACE, ("ApproximateBacklogSize", "ApproximateBacklogSizePerInstance"), "Average"),
    ("Backlog without an instance", NAMESPACE, ("HasBacklogWithoutCapacity",), "Maximum"),
)
"""Of the endpoint as a whole."""
Graph = tuple[str, str, tuple[str, ...], str]


class EndpointDashboard(Construct):
    """A CloudWatch dashboard called after the endpoint: invocations, latency, errors, load and use of instances, and its alarms.

    Three dashboards of an account are free; each more costs 3 USD a month (Amazon CloudWatch pricing).

    Parameters:
        endpoint_name: whose it is; also the dashboard's name.
        region: of the metrics.
        answering: the dimensions of variants or inference components: each is a line in every graph of `of_answering`.
        of_endpoint: graphs of the endpoint as a whole.
        alarm_arns: shown on top.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        region: str,
        answering: Sequence[Mapping[str, str]],
        of_answering: Sequence[Graph],
        of_endpoint: Sequence[Graph],
        alarm_arns: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        lines = [[part for pair in dimensions.items() for part in pair] for dimensions in answering]
        graphs = [
            *(_graph(graph, [["EndpointName", endpoint_name]], region) for graph in of_endpoint),
            *(_graph(graph, lines, region) for graph in of_answering),
        ]
        body = {"periodOverride": "inherit", "start": "-PT12H", "widgets": arranged(graphs, alarm_arns=alarm_arns)}
        self.resource = cloudwatch.CfnDashboard(
            self, "Resource", dashboard_name=endpoint_name, dashboard_body=json.dumps(body, sort_keys=True)
        )
        self.url = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard/{endpoint_name}"
        """Where it is in the console."""


def _graph(graph: Graph, dimensions: Sequence[Sequence[str]], region: str) -> Widget:
    title, namespace, metrics, statistic = graph
    lines = [[namespace, metric, *owner, {"stat": statistic}] for metric in metrics for owner in dimensions]
    properties = {
        "metrics": lines,
        "period": 60,
        "region": region,
        "title": title,
        "view": "timeSeries",
        "yAxis": {"left": {"min": 0}},
    }
    return {"type": "metric", "properties": properties}
