"""Statements and roles: what they refuse, and how they grow."""

from __future__ import annotations

import pytest
from aws_cdk import Stack
from aws_cdk import aws_s3 as s3

from mlplatform.compliance import accept
from mlplatform.policy import ServiceRole, Statement


def role_in(stack: Stack) -> ServiceRole:
    return ServiceRole(stack, "Role", service="sagemaker.amazonaws.com", account="123456789012", description="A role")


@pytest.mark.parametrize("action", ["s3:*", "*", "s3:Get*", "s3:Get?bject"])
def test_a_wildcard_action_is_refused(action: str) -> None:
    with pytest.raises(ValueError, match="has a wildcard; name the actions"):
        Statement(sid="Read", actions=[action], resources=["arn:aws:s3:::a"])


def test_a_wildcard_resource_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="narrow them or give wildcard_reason"):
        Statement(sid="Read", actions=["s3:GetObject"], resources=["*"])


def test_statements_with_the_same_sid_are_merged(stack: Stack) -> None:
    role = role_in(stack)
    for name in ("a", "b", "a"):
        role.allow(Statement(sid="Read", actions=["s3:GetObject"], resources=[f"arn:aws:s3:::{name}"]))
    (merged,) = role.statements
    assert list(merged.resources) == ["arn:aws:s3:::a", "arn:aws:s3:::b"]


def test_the_same_sid_with_other_actions_is_refused(stack: Stack) -> None:
    role = role_in(stack)
    role.allow(Statement(sid="Use", actions=["s3:GetObject"], resources=["arn:aws:s3:::a"]))
    with pytest.raises(ValueError, match="'Use' exists with other actions"):
        role.allow(Statement(sid="Use", actions=["s3:PutObject"], resources=["arn:aws:s3:::a"]))


@pytest.mark.parametrize("rule", ["S3", "AwsSolutions", "CKV_18", "E30"])
def test_a_rule_of_no_known_tool_cannot_be_accepted(stack: Stack, rule: str) -> None:
    with pytest.raises(ValueError, match="is no rule of cdk-nag"):
        accept(s3.CfnBucket(stack, "Bucket"), {rule: "because"})


def test_a_finding_cannot_be_accepted_without_a_reason(stack: Stack) -> None:
    with pytest.raises(ValueError, match="the reason for CKV_AWS_18 is empty"):
        accept(s3.CfnBucket(stack, "Bucket"), {"CKV_AWS_18": " "})
