"""A pipeline's runs at one look."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlplatform.batch_inference import run_metrics
from mlplatform.batch_inference.alarms import MODERATE_DRIFT, STRONG_DRIFT
from mlplatform.widgets import Widget, arranged


class RunDashboard(Construct):
    """A CloudWatch dashboard called after the pipeline: duration, rows, rows set aside, cost, age of the newest output, drift,
    attempts; and its alarms.

    Three dashboards of an account are free; each more costs 3 USD a month (Amazon CloudWatch pricing).

    Parameters:
        scope: usually the pipeline's construct.
        construct_id: id within `scope`.
        pipeline_name: whose runs they are; also the dashboard's name.
        region: of the metrics.
        overdue_after_seconds: drawn as a line over the age of the newest output; no line when None.
        alarm_arns: shown on top; no such widget without any.
        quality_metrics: names of metrics of the same namespace that ground truth gives, such as `QualityMAE`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline_name: str,
        region: str,
        overdue_after_seconds: int | None = None,
        alarm_arns: Sequence[str] = (),
        quality_metrics: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self._pipeline, self._region = pipeline_name, region
        overdue = [] if overdue_after_seconds is None else [("overdue", overdue_after_seconds)]
        graphs = [
            self._graph(
                "Age of the newest output, seconds", [run_metrics.OUTPUT_AGE_SECONDS], lines=overdue, period=300
            ),
            self._graph("Duration of a run, seconds", [run_metrics.DURATION_SECONDS]),
            self._graph("Attempts of a run, and runs that failed", [run_metrics.ATTEMPTS, run_metrics.FAILED_RUNS]),
            self._graph("Rows published", [run_metrics.ROWS]),
            self._graph("Rows set aside", [run_metrics.SET_ASIDE_ROWS]),
            self._graph("Cost of a run, USD at list prices", [run_metrics.COST_USD]),
            self._graph(
                "Drift: largest population stability index",
                [run_metrics.INPUT_DRIFT, run_metrics.PREDICTION_DRIFT],
                lines=[("moved", STRONG_DRIFT), ("moving", MODERATE_DRIFT)],
            ),
            self._graph("Forecast to be late by, seconds", [run_metrics.FORECAST_LATE_SECONDS], period=300),
            *([self._graph("Quality against the truth", list(quality_metrics))] if quality_metrics else []),
        ]
        body = {"periodOverride": "inherit", "start": "-P28D", "widgets": arranged(graphs, alarm_arns=alarm_arns)}
        # Tokens are plain strings in it, so that the text is the same each time, and costs no call to Node.
        self.resource = cloudwatch.CfnDashboard(
            self, "Resource", dashboard_name=pipeline_name, dashboard_body=json.dumps(body, sort_keys=True)
        )
        self.url = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard/{pipeline_name}"
        """Where it is in the console."""

    def _graph(
        self, title: str, metrics: Sequence[str], *, lines: Sequence[tuple[str, float]] = (), period: int = 3600
    ) -> Widget:
        properties: Widget = {
            "metrics": [
                [run_metrics.NAMESPACE, metric, run_metrics.DIMENSION, self._pipeline, {"stat": "Maximum"}]
                for metric in metrics
            ],
            "period": period,
            "region": self._region,
            "title": title,
            "view": "timeSeries",
            "yAxis": {"left": {"min": 0}},
        }
        if lines:
            properties["annotations"] = {"horizontal": [{"label": label, "value": value} for label, value in lines]}
        return {"type": "metric", "properties": properties}
