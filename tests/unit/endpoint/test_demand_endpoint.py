"""The example: the demand forecast behind an endpoint."""

from __future__ import annotations

from pathlib import Path

from examples.demand_endpoint import demand
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


def test_its_scaling_is_proved_on_the_demand_of_the_repository(tmp_path: Path) -> None:
    """And the endpoint publishes the fast metrics that its policy watches."""
    synthesized = synthesize_project(tmp_path, define)
    (target,) = (
        it
        for it in synthesized.template["Resources"].values()
        if it["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget"
    )
    assert target["Metadata"]["mlplatform:scaling"]["verdict"].startswith("0.011% of the requests")
    assert "MetricsConfig" in synthesized.only("AWS::SageMaker::EndpointConfig")


def test_the_demand_is_what_its_command_writes() -> None:
    assert demand.DEMAND.read_text(encoding="utf-8") == demand.text()
