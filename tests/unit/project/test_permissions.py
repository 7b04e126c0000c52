"""What the roles of a project may do: no further than the project, and no more than they were allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from mlplatform.network import ProjectNetwork
from mlplatform.policy import ServiceRole
from mlplatform.project import MlProject
from tests.unit.project.templates import JOB_ROLES, of_type, project_in, statement, statements, synthesize, written


def test_jobs_read_data_but_do_not_write_it(default: dict[str, Any]) -> None:
    for role in JOB_ROLES:
        read = statement(default, role, "ReadObjects")
        assert read is not None
        assert "ProjectData" in str(read["Resource"])
        assert "ProjectData" not in str(written(default, role))


def test_training_jobs_write_artifacts_and_inference_jobs_what_is_published(default: dict[str, Any]) -> None:
    assert "ProjectArtifacts" in str(written(default, "TrainingJobRole"))
    assert "ProjectOutput" not in str(written(default, "TrainingJobRole"))
    assert "ProjectOutput" in str(written(default, "InferenceJobRole"))
    assert "ProjectArtifacts" not in str(written(default, "InferenceJobRole"))


def test_inference_jobs_keep_working_files_below_the_prefix_they_were_given(
    stack: Stack, template: Callable[[], dict[str, Any]]
) -> None:
    project_in(stack).allow_inference_to_write("demand-forecast")
    (artifacts,) = (arn for arn in written(template(), "InferenceJobRole") if "ProjectArtifacts" in str(arn))
    assert artifacts["Fn::Join"][1][-1] == "/demand-forecast/*"


def test_jobs_may_not_delete_objects_or_start_jobs(default: dict[str, Any]) -> None:
    for role in JOB_ROLES:
        actions = {action for entry in statements(default, role) for action in entry["Action"]}
        assert not any(action.startswith(("sagemaker:", "iam:", "lambda:")) or "Delete" in action for action in actions)


def test_jobs_attach_to_the_network_only_when_there_is_one(default: dict[str, Any]) -> None:
    network = ProjectNetwork(subnet_ids=("subnet-1",), security_group_ids=("sg-1",))
    project, template = synthesize(network=network)
    for role in JOB_ROLES:
        assert statement(default, role, "AttachNetworkInterfaces") is None
        assert statement(template, role, "AttachNetworkInterfaces") is not None
    assert project.network is not None
    assert list(project.network.subnets) == ["subnet-1"]


def test_every_role_below_the_project_has_its_boundary(stack: Stack, template: Callable[[], dict[str, Any]]) -> None:
    project = project_in(stack)
    iam.Role(project, "Own", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    iam.Role(stack, "Outside", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    (boundary,) = of_type(template(), "AWS::IAM::ManagedPolicy")
    bounded = {
        key: role["Properties"].get("PermissionsBoundary")
        for key, role in of_type(template(), "AWS::IAM::Role").items()
    }
    assert len(bounded) == 8
    assert {key: value for key, value in bounded.items() if value != {"Ref": boundary}}.keys() == {
        key for key in bounded if key.startswith("Outside")
    }


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
    synthesized = template()
    for role in JOB_ROLES:
        allowed = statement(synthesized, role, "PullImages")
        assert allowed is not None
        assert allowed["Resource"] == ["arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-scikit-learn"]


def test_jobs_read_an_object_elsewhere_when_allowed(stack: Stack, template: Callable[[], dict[str, Any]]) -> None:
    project_in(stack).allow_jobs_to_read("s3://assets/source.gz")
    synthesized = template()
    for role in JOB_ROLES:
        allowed = statement(synthesized, role, "ReadSources")
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


def test_traffic_between_instances_is_encrypted_without_a_network_too(
    stack: Stack, template: Callable[[], dict[str, Any]]
) -> None:
    project = MlProject(stack, "Project", name="demand-forecast", owner="team@example.com")
    (boundary,) = (
        resource["Properties"]["PolicyDocument"]["Statement"]
        for resource in template()["Resources"].values()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    )
    (denied,) = (statement for statement in boundary if statement["Sid"] == "TrafficInPlainText")
    assert denied["Condition"] == {"BoolIfExists": {"sagemaker:InterContainerTrafficEncryption": "false"}}
    assert project.network.encrypt_inter_container_traffic
    assert project.network.vpc_config() is None
