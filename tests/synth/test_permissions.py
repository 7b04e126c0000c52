"""Least privilege: what is synthesized allows what the pipelines do, and nothing by wildcard action."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

from tests.conftest import Synthesized, Template
from tests.synth.flatten import flatten, pipeline_definition, role_statements, walk

# Services that AWS documents to send aws:SourceAccount when they assume a role.
GUARDED = {"sagemaker.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com"}
JOB_ROLES = ("TrainingJobRole", "InferenceJobRole")
UNGUARDED_ROLES = {"ExperimentStoreAppRole", "ProjectExperimentsAppRole"}  # MLflow apps; see the comments there.


def allows(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    return any(
        action in statement["Action"] and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in statements
    )


def project_roles(synthesized: Synthesized) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Statements by stack and by role, such as `TrainingJobRole`."""
    roles: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for stack, logical_id, resource in synthesized.resources("AWS::IAM::Role"):
        if found := re.match(r"Project(TrainingJobRole|InferenceJobRole|PipelineRole)[0-9A-F]{8}$", logical_id):
            roles.setdefault(stack, {})[found[1]] = role_statements(resource)
    return roles


def pipelines(synthesized: Synthesized) -> list[tuple[str, dict[str, Any]]]:
    return [
        (stack, pipeline_definition(resource))
        for stack, _, resource in synthesized.resources("AWS::SageMaker::Pipeline")
    ]


def test_no_aws_managed_full_access_policy_is_attached(synthesized: Synthesized) -> None:
    assert "FullAccess" not in json.dumps(synthesized.templates)


def test_no_allow_statement_has_a_wildcard_action(synthesized: Synthesized) -> None:
    """But `kms:*` for the account in key policies, without which nobody could administer the key any more, and in boundaries,
    which grant nothing.
    """
    wild = [
        f"{stack}.{logical_id}: {statement['Action']}"
        for stack, logical_id, resource in synthesized.resources()
        for statement in walk(flatten(resource.get("Properties", {})))
        if isinstance(statement, dict)
        and statement.get("Effect") == "Allow"
        and "*" in str(statement.get("Action"))
        and not (resource["Type"] == "AWS::KMS::Key" and statement["Sid"] == "LetIamDecide")
        and not logical_id.startswith("ProjectBoundary")
    ]
    assert wild == []


def test_services_assume_roles_for_this_account_only(synthesized: Synthesized) -> None:
    unguarded = [
        f"{stack}.{logical_id}"
        for stack, logical_id, resource in synthesized.resources("AWS::IAM::Role")
        for trust in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"].get("Service") in GUARDED
        and "aws:SourceAccount" not in json.dumps(trust.get("Condition", {}))
        and logical_id[:-8] not in UNGUARDED_ROLES
    ]
    assert unguarded == []


def test_only_job_roles_are_passed_and_only_to_sagemaker(synthesized: Synthesized) -> None:
    for roles in project_roles(synthesized).values():
        passes = [statement for statement in roles["PipelineRole"] if "iam:PassRole" in statement["Action"]]
        assert [statement["Condition"] for statement in passes] == [
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        ]
        assert [re.sub(r"[0-9A-F]{8}\.", ".", arn) for arn in passes[0]["Resource"]] == [
            "<ProjectTrainingJobRole.Arn>",
            "<ProjectInferenceJobRole.Arn>",
        ]
        for role in JOB_ROLES:
            assert not any("iam:PassRole" in statement["Action"] for statement in roles[role])


def test_jobs_may_pull_every_image_that_their_pipelines_name(synthesized: Synthesized) -> None:
    roles = project_roles(synthesized)
    denied = []
    for stack, definition in pipelines(synthesized):
        for image in re.findall(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:\"]+)", json.dumps(definition)):
            repository = f"arn:aws:ecr:{image[1]}:{image[0]}:repository/{image[2]}"
            denied += [
                repository for role in JOB_ROLES if not allows(roles[stack][role], "ecr:BatchGetImage", repository)
            ]
    assert denied == []


def test_jobs_may_read_every_asset_that_their_pipelines_name(synthesized: Synthesized) -> None:
    roles = project_roles(synthesized)
    denied = []
    for stack, definition in pipelines(synthesized):
        assets = set(re.findall(r"s3://(cdk-[a-z0-9]+-assets-[^\"\\]+)", json.dumps(definition)))
        assert assets, "no pipeline names its source"
        denied += [
            asset
            for asset in assets
            for role in JOB_ROLES
            if not allows(roles[stack][role], "s3:GetObject", f"arn:aws:s3:::{asset}")
        ]
    assert denied == []


def test_pipelines_may_invoke_exactly_the_functions_that_they_name(synthesized: Synthesized) -> None:
    roles = project_roles(synthesized)
    named: dict[str, set[str]] = {stack: set() for stack in roles}
    for stack, definition in pipelines(synthesized):
        named[stack] |= {
            node["FunctionArn"] for node in walk(definition) if isinstance(node, dict) and "FunctionArn" in node
        }
    invocable = {
        stack: {
            arn
            for statement in role["PipelineRole"]
            if "lambda:InvokeFunction" in statement["Action"]
            for arn in statement["Resource"]
        }
        for stack, role in roles.items()
    }
    assert invocable == named


def test_pipelines_run_as_their_projects_roles(synthesized: Synthesized) -> None:
    for stack, _, resource in synthesized.resources("AWS::SageMaker::Pipeline"):
        assert re.fullmatch(r"<ProjectPipelineRole[0-9A-F]{8}\.Arn>", flatten(resource["Properties"]["RoleArn"]))
        jobs = {
            node["RoleArn"]
            for node in walk(pipeline_definition(resource))
            if isinstance(node, dict) and "RoleArn" in node
        }
        assert len(jobs) == 1, stack
        assert re.fullmatch(r"<Project(Training|Inference)JobRole[0-9A-F]{8}\.Arn>", jobs.pop())


def test_buckets_refuse_plain_http(synthesized: Synthesized) -> None:
    buckets = {(stack, logical_id) for stack, logical_id, _ in synthesized.resources("AWS::S3::Bucket")}
    protected = {
        (stack, policy["Properties"]["Bucket"]["Ref"])
        for stack, _, policy in synthesized.resources("AWS::S3::BucketPolicy")
        if _denies_http(policy)
    }
    assert buckets == protected


def _denies_http(policy: Template) -> bool:
    return any(
        statement["Effect"] == "Deny" and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    )
