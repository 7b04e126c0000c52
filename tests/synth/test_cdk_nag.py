"""cdk-nag's AwsSolutions rules hold for everything synthesized; exceptions stand beside their resource."""

from __future__ import annotations

from aws_cdk import App, CfnResource, Stack
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from mlplatform.compliance import accept
from tests.conftest import Synthesized


def findings(scope: IConstruct) -> list[str]:
    report = AwsSolutionsChecks().validate_scope(scope)
    return sorted(
        f"{resource.construct_path}: {violation.rule_name}: {violation.description}"
        for violation in report.violations
        for resource in violation.violating_resources
    )


def test_nothing_synthesized_violates_aws_solutions(synthesized: Synthesized) -> None:
    assert findings(synthesized.app) == []


def test_every_resource_is_of_a_type_that_cdk_nag_sees(synthesized: Synthesized) -> None:
    """cdk-nag passes over a plain CfnResource, so one would hide what it is."""
    constructs = synthesized.app.node.find_all()
    assert [construct.node.path for construct in constructs if type(construct) is CfnResource] == []


def test_a_planted_violation_is_found() -> None:
    stack = Stack(App(), "Planted")
    s3.CfnBucket(stack, "Bucket")
    assert any("AwsSolutions-S1:" in finding for finding in findings(stack))


def test_an_accepted_violation_is_not_reported() -> None:
    stack = Stack(App(), "Planted")
    bucket = s3.CfnBucket(stack, "Bucket")
    accept(bucket, {"AwsSolutions-S1": "a test", "AwsSolutions-S10": "a test"})
    assert findings(stack) == []
