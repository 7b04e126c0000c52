"""MlProject itself: its tags, and props that it refuses."""

from __future__ import annotations

import pytest
from aws_cdk import Stack

from tests.unit.project.templates import of_type, project_in, synthesize


def test_everything_is_tagged_with_project_owner_and_cost_center() -> None:
    _, template = synthesize(tags={"team": "forecasting"})
    (group,) = of_type(template, "AWS::SageMaker::ModelPackageGroup").values()
    tags = {tag["Key"]: tag["Value"] for tag in group["Properties"]["Tags"]}
    assert tags == {"project": "demand", "owner": "a@example.com", "cost-center": "demand", "team": "forecasting"}


def test_a_cost_center_of_ones_own_is_kept_but_project_and_owner_are_not_overridden() -> None:
    project, _ = synthesize(tags={"cost-center": "4711", "project": "other"})
    assert (project.tags["cost-center"], project.tags["project"]) == ("4711", "demand")


def test_all_mistakes_are_named_at_once(stack: Stack) -> None:
    with pytest.raises(ValueError, match="project name 'Demand'") as raised:
        project_in(stack, name="Demand", owner="nobody", log_retention_days=91, monthly_budget_usd=0)
    for expected in ("owner 'nobody'", "log_retention_days 91", "monthly_budget_usd 0"):
        assert expected in str(raised.value)
    with pytest.raises(ValueError, match="deny_jobs_over_budget is set without a budget; give monthly_budget_usd, too"):
        project_in(stack, deny_jobs_over_budget=True)
    assert stack.node.children == []
