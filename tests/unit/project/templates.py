"""A project alone in a stack, and what its template says of its roles."""

from __future__ import annotations

from typing import Any

from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template

from mlplatform.project import MlProject

JOB_ROLES = ("TrainingJobRole", "InferenceJobRole")
Resources = dict[str, dict[str, Any]]


def project_in(stack: Stack, **options: Any) -> MlProject:
    return MlProject(stack, "Project", **{"name": "demand", "owner": "a@example.com", **options})


def synthesize(**options: Any) -> tuple[MlProject, dict[str, Any]]:
    app = App(context={"@aws-cdk/core:enablePartitionLiterals": True})
    stack = Stack(app, "Stack", env=Environment(account="123456789012", region="us-east-1"))
    project = project_in(stack, **options)
    return project, dict(Template.from_stack(stack).to_json())


def of_type(template: dict[str, Any], kind: str) -> Resources:
    return {key: resource for key, resource in template["Resources"].items() if resource["Type"] == kind}


def statements(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    (found,) = (resource for key, resource in of_type(template, "AWS::IAM::Role").items() if role in key)
    return [entry for policy in found["Properties"]["Policies"] for entry in policy["PolicyDocument"]["Statement"]]


def statement(template: dict[str, Any], role: str, sid: str) -> dict[str, Any] | None:
    return next((entry for entry in statements(template, role) if entry["Sid"] == sid), None)


def written(template: dict[str, Any], role: str) -> list[Any]:
    """What a role may put objects into."""
    allowed = [entry for entry in statements(template, role) if "s3:PutObject" in entry["Action"]]
    return [resource for entry in allowed for resource in entry["Resource"]]


def trust(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    (found,) = (it for key, it in of_type(template, "AWS::IAM::Role").items() if role in key)
    document: list[dict[str, Any]] = found["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    return document
