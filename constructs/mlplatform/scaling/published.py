"""What a floor needs to follow a forecast that a batch inference of the project publishes: rights, and a check at synth."""

from __future__ import annotations

import jsii
from constructs import IValidation

from mlplatform.policy import Statement
from mlplatform.project import MlProject
from mlplatform.scaling.rendering import Scaled
from mlscaling import PublishedForecast
from mlscaling.forecasts.published import NAMESPACE


def forecast_statements(project: MlProject, forecast: PublishedForecast) -> list[Statement]:
    """Read what is published as the newest run, and say when that is no forecast. The project's key is its own statement."""
    bucket = f"arn:{project.partition}:s3:::{project.output_bucket_name}"
    root = f"{bucket}/{forecast.pipeline}"
    return [
        Statement(
            sid="FindForecast",
            actions=["s3:ListBucket"],
            resources=[bucket],
            conditions={"StringLike": {"s3:prefix": f"{forecast.pipeline}/*"}},
        ),
        Statement(
            sid="ReadForecast",
            actions=["s3:GetObject"],
            resources=[f"{root}/latest.json", f"{root}/runs/*/manifest.json", f"{root}/runs/*/part-*.jsonl"],
            wildcard_reason="runs get their names when they run, under the prefix of their pipeline",
        ),
        Statement(
            sid="TellOfFallbacks",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
            wildcard_reason="PutMetricData has no resource type; the condition names the namespace",
        ),
    ]


@jsii.implements(IValidation)
class ForecastIsPublished:
    """Whether the project has the pipeline, and it publishes what is read: asked at synthesis, since it may be declared later."""

    def __init__(self, project: MlProject, scaled: Scaled, forecast: PublishedForecast) -> None:
        self._project = project
        self._whose = f"the published forecast of {scaled.resource_id}"
        self._forecast = forecast

    def validate(self) -> list[str]:
        """A sentence for each thing that is missing."""
        pipeline, outputs = self._forecast.pipeline, self._project.outputs
        if pipeline not in outputs:
            known = ", ".join(sorted(outputs)) if outputs else "none"
            return [
                f"{self._whose} is of the pipeline '{pipeline}', and batch inferences of the project are: {known}; name one of them"
            ]
        columns = outputs[pipeline].columns
        problems = [
            f"{self._whose}: '{pipeline}' has no column '{column}'; use one of {', '.join(columns)}"
            for column in (self._forecast.time, self._forecast.requests)
            if column not in columns
        ]
        if not outputs[pipeline].json_lines:
            problems.append(
                f"{self._whose}: '{pipeline}' publishes Parquet only; give it scoring=Scoring(json_lines=True)"
            )
        return problems
