"""The example: the demand forecast behind an endpoint."""

from __future__ import annotations

from pathlib import Path

from examples.demand_endpoint.project import define
from tests.unit.pipeline.synthesis import synthesize_project


def test_the_forecast_stays_and_gets_an_endpoint_that_follows_approvals(tmp_path: Path) -> None:
    synthesized = synthesize_project(tmp_path, define)
    pipelines = {it["PipelineName"] for it in synthesized.resources("AWS::SageMaker::Pipeline").values()}
    assert pipelines == {"demo-training", "demo-weekly-forecast"}
    assert synthesized.only("AWS::SageMaker::Endpoint")["EndpointName"] == "demo-live"
    rules = synthesized.resources("AWS::Events::Rule").values()
    followed = [it["EventPattern"]["detail-type"][0] for it in rules]
    assert "SageMaker Model Package State Change" in followed
