"""A project's home with everything switched on, on the embedded AWS: deployed, described through its APIs, destroyed."""

from __future__ import annotations

import json

from aws_cdk import App, Environment, RemovalPolicy, Stack
from aws_cdk.assertions import Template

from mlplatform import MlProject, ProjectAccess
from tests.local.workbench import Workbench

NAME = "project-home"


def home(account: str, region: str) -> str:
    """The template of a project that may be deleted, without what only the CDK CLI reads."""
    stack = Stack(App(analytics_reporting=False), "Home", env=Environment(account=account, region=region))
    MlProject(
        stack,
        "Project",
        name="home",
        owner="home@example.com",
        access=ProjectAccess(auditors=(f"arn:aws:iam::{account}:role/audit",)),
        monthly_budget_usd=100,
        deny_jobs_over_budget=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
    return json.dumps({"Resources": Template.from_stack(stack).to_json()["Resources"]})


def test_a_project_with_everything_switched_on_is_deployed_and_destroyed(workbench: Workbench) -> None:
    engine = workbench.engine
    cloudformation = engine.client("cloudformation")
    patience = {"Delay": 0.2, "MaxAttempts": 300}

    # By URL, as the CDK does: it is longer than a body may be.
    workbench.put("home.template.json", home(engine.account, engine.region).encode())
    url = f"{cloudformation.meta.endpoint_url}/{workbench.bucket}/home.template.json"
    cloudformation.create_stack(StackName=NAME, TemplateURL=url, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig=patience)

    summaries = cloudformation.list_stack_resources(StackName=NAME)["StackResourceSummaries"]
    roles = [it["PhysicalResourceId"] for it in summaries if it["ResourceType"] == "AWS::IAM::Role"]
    described = [engine.client("iam").get_role(RoleName=role)["Role"] for role in roles]
    assert len(described) == 7
    assert {role["Path"] for role in described} == {"/mlp/home/"}
    (repository,) = engine.client("ecr").describe_repositories(repositoryNames=["home"])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    budget = engine.client("budgets").describe_budget(AccountId=engine.account, BudgetName=f"home-{engine.region}")[
        "Budget"
    ]
    assert float(budget["BudgetLimit"]["Amount"]) == 100
    (topic,) = (it["PhysicalResourceId"] for it in summaries if it["ResourceType"] == "AWS::SNS::Topic")
    assert topic in [it["TopicArn"] for it in engine.client("sns").list_topics()["Topics"]]

    cloudformation.delete_stack(StackName=NAME)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig=patience)
    left = [role["RoleName"] for role in engine.client("iam").list_roles(PathPrefix="/mlp/home/")["Roles"]]
    assert left == []
