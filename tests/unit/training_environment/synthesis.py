"""Synthesize a training environment and a project's team, and read their templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template
from constructs import Construct

from mlplatform.network import StudioNetwork
from mlplatform.policy import ServiceRole
from mlplatform.training_environment import HomeFileSystem, StudioTeam, TrainingEnvironment

NETWORK = StudioNetwork(
    vpc_id="vpc-0123456789abcdef0",
    subnet_ids=("subnet-01234567", "subnet-12345678"),
    security_group_ids=("sg-0123456789abcdef0",),
)
ENV = Environment(account="123456789012", region="us-east-1")


@dataclass(frozen=True)
class Synthesis:
    """A template by type and logical id."""

    template: dict[str, Any]

    def properties(self, resource_type: str) -> list[dict[str, Any]]:
        return [resource["Properties"] for resource in self.resources(resource_type).values()]

    def resources(self, resource_type: str) -> dict[str, dict[str, Any]]:
        found = self.template["Resources"]
        return {name: resource for name, resource in found.items() if resource["Type"] == resource_type}

    def statements(self, part_of_logical_id: str) -> dict[str, dict[str, Any]]:
        """What the one role of that name may do, by statement id."""
        (role,) = (
            resource["Properties"]
            for name, resource in self.resources("AWS::IAM::Role").items()
            if part_of_logical_id in name
        )
        (policy,) = role["Policies"]
        return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def app() -> App:
    return App(context={"@aws-cdk/core:enablePartitionLiterals": True})


def environment(scope: Construct, **options: Any) -> TrainingEnvironment:
    stack = Stack(scope, "Environment", env=ENV)
    chosen = {"network": NETWORK, "home_file_system": HomeFileSystem.KEEP, **options}
    return TrainingEnvironment(stack, "Studio", **chosen)


def synthesize_environment(**options: Any) -> Synthesis:
    return synthesis(environment(app(), **options))


def synthesize_team(environment_options: dict[str, Any] | None = None, **options: Any) -> Synthesis:
    root = app()
    domain = environment(root, **({} if environment_options is None else environment_options))
    stack = Stack(root, "Project", env=ENV)
    role = ServiceRole(stack, "Role", service="sagemaker.amazonaws.com", account=ENV.account, description="notebooks")
    chosen = {"people": ["aiko.tanaka@example.com", "ben"], "project": "demand", "execution_role": role, **options}
    return synthesis(StudioTeam(stack, "Team", environment=domain, **chosen))


def synthesis(construct: Construct) -> Synthesis:
    return Synthesis(dict(Template.from_stack(Stack.of(construct)).to_json()))
