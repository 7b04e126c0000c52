"""MlProject: storage that outlives the stack, roles that reach no further than the project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack
from aws_cdk.assertions import Template

from mlplatform.network import ProjectNetwork
from mlplatform.policy import ServiceRole
from mlplatform.project import MlProject

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


@pytest.fixture(scope="module")
def default() -> dict[str, Any]:
    """The template of a project with nothing but a name and an owner."""
    return synthesize()[1]


def test_the_key_rotates(default: dict[str, Any]) -> None:
    (key,) = of_type(default, "AWS::KMS::Key").values()
    assert key["Properties"]["EnableKeyRotation"] is True


@pytest.mark.parametrize("name", ["ProjectData", "ProjectArtifacts", "ProjectOutput"])
def test_buckets_use_the_projects_key_keep_versions_and_log_access(default: dict[str, Any], name: str) -> None:
    (bucket,) = (
        resource["Properties"] for key, resource in of_type(default, "AWS::S3::Bucket").items() if key.startswith(name)
    )
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"][0].startswith("ProjectKey")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LoggingConfiguration"]["DestinationBucketName"]["Ref"].startswith("ProjectLogs")
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["AbortIncompleteUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules["ExpireOldVersions"]["NoncurrentVersionExpiration"]["NoncurrentDays"] >= 90


def test_no_bucket_is_public(default: dict[str, Any]) -> None:
    for bucket in of_type(default, "AWS::S3::Bucket").values():
        assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["Properties"]["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_access_logs_are_delivered_for_this_account_only(default: dict[str, Any]) -> None:
    (policy,) = (p for key, p in of_type(default, "AWS::S3::BucketPolicy").items() if key.startswith("ProjectLogs"))
    (delivery,) = (s for s in policy["Properties"]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
    assert delivery["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert delivery["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


@pytest.mark.parametrize(("policy", "expected"), [(RemovalPolicy.RETAIN, "Retain"), (RemovalPolicy.DESTROY, "Delete")])
def test_everything_stateful_follows_the_removal_policy(policy: RemovalPolicy, expected: str) -> None:
    _, template = synthesize(removal_policy=policy)
    stateful = ("AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SageMaker::ModelPackageGroup")
    found = {r["DeletionPolicy"] for kind in stateful for r in of_type(template, kind).values()}
    assert found == {expected}


def test_jobs_read_data_but_do_not_write_it(default: dict[str, Any]) -> None:
    write = statement(default, "JobRole", "WriteArtifactsAndOutputs")
    read = statement(default, "JobRole", "ReadObjects")
    assert write is not None
    assert "ProjectData" not in str(write["Resource"])
    assert read is not None
    assert "ProjectData" in str(read["Resource"])


def test_jobs_may_not_delete_objects_or_start_jobs(default: dict[str, Any]) -> None:
    actions = {action for entry in statements(default, "JobRole") for action in entry["Action"]}
    assert not any(action.startswith(("sagemaker:", "iam:", "lambda:")) or "Delete" in action for action in actions)


def test_jobs_attach_to_the_network_only_when_there_is_one(default: dict[str, Any]) -> None:
    network = ProjectNetwork(subnet_ids=("subnet-1",), security_group_ids=("sg-1",))
    project, template = synthesize(network=network)
    assert statement(default, "JobRole", "AttachNetworkInterfaces") is None
    assert statement(template, "JobRole", "AttachNetworkInterfaces") is not None
    assert project.network is not None
    assert list(project.network.subnets) == ["subnet-1"]


def test_roles_are_assumed_for_this_account_only(default: dict[str, Any]) -> None:
    roles = of_type(default, "AWS::IAM::Role").values()
    assert len(roles) == 2
    for role in roles:
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_pipelines_invoke_only_the_functions_they_were_allowed(default: dict[str, Any]) -> None:
    assert statement(default, "PipelineRole", "InvokeFunctions") is None
    stack = Stack(App(), "Stack")
    project = project_in(stack)
    project.allow_pipeline_to_invoke("arn:aws:lambda:us-east-1:123456789012:function:a")
    project.allow_pipeline_to_invoke(
        "arn:aws:lambda:us-east-1:123456789012:function:a", "arn:aws:lambda:us-east-1:123456789012:function:b"
    )
    allowed = statement(dict(Template.from_stack(stack).to_json()), "PipelineRole", "InvokeFunctions")
    assert allowed is not None
    assert [arn[-1] for arn in allowed["Resource"]] == ["a", "b"]


def test_jobs_pull_only_the_images_they_were_allowed(stack: Stack, template: Callable[[], dict[str, Any]]) -> None:
    project = project_in(stack)
    project.allow_jobs_to_pull("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3")
    project.allow_jobs_to_pull("docker.io/library/python:3.13")
    allowed = statement(template(), "JobRole", "PullImages")
    assert allowed is not None
    assert allowed["Resource"] == ["arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-scikit-learn"]


def test_jobs_read_an_object_elsewhere_when_allowed(stack: Stack, template: Callable[[], dict[str, Any]]) -> None:
    project_in(stack).allow_jobs_to_read("s3://assets/source.gz")
    allowed = statement(template(), "JobRole", "ReadSources")
    assert allowed is not None
    assert allowed["Resource"] == ["arn:aws:s3:::assets/source.gz"]


@pytest.mark.parametrize("uri", ["https://assets/source.gz", "s3://assets"])
def test_what_is_no_object_cannot_be_granted(stack: Stack, uri: str) -> None:
    with pytest.raises(ValueError, match=f"'{uri}' names no object in S3; use s3://<bucket>/<key>"):
        project_in(stack).allow_jobs_to_read(uri)


def test_a_scheduler_starts_only_the_pipeline_it_was_granted(stack: Stack) -> None:
    role = ServiceRole(stack, "Role", service="scheduler.amazonaws.com", account="123456789012", description="Starts")
    project_in(stack).grant_start_pipelines(role, "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p")
    (allowed,) = role.statements
    assert tuple(allowed.actions) == ("sagemaker:StartPipelineExecution",)


def test_everything_is_tagged_with_project_owner_and_cost_center() -> None:
    _, template = synthesize(tags={"team": "forecasting"})
    (group,) = of_type(template, "AWS::SageMaker::ModelPackageGroup").values()
    tags = {tag["Key"]: tag["Value"] for tag in group["Properties"]["Tags"]}
    assert tags == {"project": "demand", "owner": "a@example.com", "cost-center": "demand", "team": "forecasting"}


def test_a_cost_center_of_ones_own_is_kept_but_project_and_owner_are_not_overridden() -> None:
    project, _ = synthesize(tags={"cost-center": "4711", "project": "other"})
    assert (project.tags["cost-center"], project.tags["project"]) == ("4711", "demand")


def test_a_budget_warns_the_owner(default: dict[str, Any]) -> None:
    _, template = synthesize(monthly_budget_usd=200)
    (budget,) = of_type(template, "AWS::Budgets::Budget").values()
    assert budget["Properties"]["Budget"]["BudgetLimit"] == {"Amount": 200, "Unit": "USD"}
    assert budget["Properties"]["Budget"]["CostFilters"] == {"TagKeyValue": ["user:project$demand"]}
    assert {
        subscriber["Address"]
        for alert in budget["Properties"]["NotificationsWithSubscribers"]
        for subscriber in alert["Subscribers"]
    } == {"a@example.com"}
    assert of_type(default, "AWS::Budgets::Budget") == {}


def test_uris_point_into_the_projects_buckets(stack: Stack) -> None:
    project = project_in(stack)
    assert project.data_uri("raw/") == f"s3://{project.data_bucket_name}/raw/"
    assert project.output_uri("/x") == f"s3://{project.output_bucket_name}/x"
    assert project.artifact_uri() == f"s3://{project.artifact_bucket_name}"


def test_all_mistakes_are_named_at_once(stack: Stack) -> None:
    with pytest.raises(ValueError, match="project name 'Demand'") as raised:
        project_in(stack, name="Demand", owner="nobody", log_retention_days=91, monthly_budget_usd=0)
    for expected in ("owner 'nobody'", "log_retention_days 91", "monthly_budget_usd 0"):
        assert expected in str(raised.value)
    assert stack.node.children == []
