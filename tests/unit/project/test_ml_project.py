"""MlProject: storage that outlives the stack, roles that reach no further than the project."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Environment, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from mlplatform.network import ProjectNetwork
from mlplatform.policy import ServiceRole
from mlplatform.project import JobLimits, MlProject, OidcSubjects, ProjectAccess, SlackChannel, TeamsChannel

JOB_ROLES = ("TrainingJobRole", "InferenceJobRole")
CI_ROLE = "arn:aws:iam::111122223333:role/ci"
AUDIT_ROLE = "arn:aws:iam::111122223333:role/audit"
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


@pytest.mark.parametrize("role", [*JOB_ROLES, "PipelineRole"])
def test_sagemaker_assumes_these_roles_and_for_this_account_only(default: dict[str, Any], role: str) -> None:
    (trusted,) = trust(default, role)
    assert trusted["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_people_assume_the_data_scientists_role_with_an_identity_that_is_tagged_with_the_project(
    default: dict[str, Any],
) -> None:
    studio, people = trust(default, "DataScientistRole")
    assert studio["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert people["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert people["Condition"] == {"StringEquals": {"aws:PrincipalTag/project": "demand"}}


@pytest.mark.parametrize("role", ["DeployRole", "AuditorRole"])
def test_nobody_delivers_or_audits_unless_named(default: dict[str, Any], role: str) -> None:
    assert [trusted["Effect"] for trusted in trust(default, role)] == ["Deny"]


def test_workflows_deliver_when_their_subject_is_named_whole() -> None:
    ci = OidcSubjects(
        provider="token.actions.githubusercontent.com", subjects=("repo:example/demand:ref:refs/heads/main",)
    )
    _, template = synthesize(access=ProjectAccess(ci=ci, deployers=(CI_ROLE,), auditors=(AUDIT_ROLE,)))
    workflows, roles = trust(template, "DeployRole")
    assert workflows["Principal"]["Federated"].endswith(":oidc-provider/token.actions.githubusercontent.com")
    assert workflows["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": ["repo:example/demand:ref:refs/heads/main"],
    }
    assert roles["Principal"] == {"AWS": [CI_ROLE]}
    assert [trusted["Principal"] for trusted in trust(template, "AuditorRole")] == [{"AWS": [AUDIT_ROLE]}]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: ProjectAccess(auditors=("audit",)), "'audit' is not the ARN of a role"),
        (lambda: OidcSubjects(provider="https://x.example.com", subjects=("a",)), "without 'https://'"),
        (lambda: OidcSubjects(provider="x.example.com", subjects=("repo:*",)), "'repo:*' is not a whole OIDC subject"),
        (lambda: OidcSubjects(provider="x.example.com", subjects=()), "subjects is empty"),
        (lambda: JobLimits(instance_types=("m5.large",)), "'m5.large' is not a SageMaker instance type"),
        (lambda: JobLimits(instance_types=()), "instance_types is empty"),
        (lambda: JobLimits(max_runtime_hours=0), "max_runtime_hours 0 is out of range; use 1 to 672"),
    ],
)
def test_access_and_limits_that_cannot_be_are_refused(make: Callable[[], object], expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        make()


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


def test_everything_is_tagged_with_project_owner_and_cost_center() -> None:
    _, template = synthesize(tags={"team": "forecasting"})
    (group,) = of_type(template, "AWS::SageMaker::ModelPackageGroup").values()
    tags = {tag["Key"]: tag["Value"] for tag in group["Properties"]["Tags"]}
    assert tags == {"project": "demand", "owner": "a@example.com", "cost-center": "demand", "team": "forecasting"}


def test_a_cost_center_of_ones_own_is_kept_but_project_and_owner_are_not_overridden() -> None:
    project, _ = synthesize(tags={"cost-center": "4711", "project": "other"})
    assert (project.tags["cost-center"], project.tags["project"]) == ("4711", "demand")


def test_images_are_scanned_immutable_few_and_encrypted(default: dict[str, Any]) -> None:
    (repository,) = (it["Properties"] for it in of_type(default, "AWS::ECR::Repository").values())
    assert repository["RepositoryName"] == "demand"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [rule["selection"]["countNumber"] for rule in rules] == [14, 50]


def test_notifications_are_encrypted_and_mailed_to_the_owner(default: dict[str, Any]) -> None:
    (topic,) = (it["Properties"] for it in of_type(default, "AWS::SNS::Topic").values())
    assert topic["KmsMasterKeyId"]["Fn::GetAtt"][0].startswith("ProjectKey")
    assert topic["Subscription"] == [{"Protocol": "email", "Endpoint": "a@example.com"}]


def test_a_budget_that_is_spent_denies_new_jobs_only_on_request(default: dict[str, Any]) -> None:
    _, template = synthesize(monthly_budget_usd=200, deny_jobs_over_budget=True)
    (action,) = (it["Properties"] for it in of_type(template, "AWS::Budgets::BudgetsAction").values())
    assert action["ActionThreshold"] == {"Type": "PERCENTAGE", "Value": 100}
    assert (action["ActionType"], action["ApprovalModel"]) == ("APPLY_IAM_POLICY", "AUTOMATIC")
    held = [role["Ref"] for role in action["Definition"]["IamActionDefinition"]["Roles"]]
    assert [name[7:-12] for name in held] == ["Pipeline", "DataScientist", "Deploy"]
    assert of_type(default, "AWS::Budgets::BudgetsAction") == {}


def test_a_budget_warns_the_owner(default: dict[str, Any]) -> None:
    _, template = synthesize(monthly_budget_usd=200)
    (budget,) = of_type(template, "AWS::Budgets::Budget").values()
    assert budget["Properties"]["Budget"]["BudgetLimit"] == {"Amount": 200, "Unit": "USD"}
    assert budget["Properties"]["Budget"]["CostFilters"] == {"TagKeyValue": ["user:project$demand"]}
    alerts = budget["Properties"]["NotificationsWithSubscribers"]
    assert [(it["Notification"]["NotificationType"], it["Notification"]["Threshold"]) for it in alerts] == [
        (kind, percent) for kind in ("ACTUAL", "FORECASTED") for percent in (50, 80, 100)
    ]
    for alert in alerts:
        mail, topic = alert["Subscribers"]
        assert mail == {"SubscriptionType": "EMAIL", "Address": "a@example.com"}
        assert topic["Address"]["Ref"].startswith("ProjectNotifications")
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
    with pytest.raises(ValueError, match="deny_jobs_over_budget is set without a budget; give monthly_budget_usd, too"):
        project_in(stack, deny_jobs_over_budget=True)
    assert stack.node.children == []


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


def test_chat_channels_show_notifications_and_can_do_nothing() -> None:
    teams = "01234567-89ab-cdef-0123-456789abcdef"
    _, template = synthesize(
        chat=[
            SlackChannel(workspace_id="T0123456789", channel_id="C0123456789"),
            SlackChannel(workspace_id="T0123456789", channel_id="C0000000000"),
            TeamsChannel(tenant_id=teams, team_id=teams, channel_id="19%3a0123%40thread.tacv2"),
        ]
    )
    slack = of_type(template, "AWS::Chatbot::SlackChannelConfiguration").values()
    channels = [*slack, *of_type(template, "AWS::Chatbot::MicrosoftTeamsChannelConfiguration").values()]
    assert len({it["Properties"]["ConfigurationName"] for it in channels}) == 3
    for channel in channels:
        assert channel["Properties"]["GuardrailPolicies"] == ["arn:aws:iam::aws:policy/AWSDenyAll"]
        assert len(channel["Properties"]["SnsTopicArns"]) == 1
    (role,) = (it for key, it in of_type(template, "AWS::IAM::Role").items() if "ChatRole" in key)
    assert "Policies" not in role["Properties"]
    assert "PermissionsBoundary" in role["Properties"]


def test_ids_of_chat_channels_that_are_none_are_all_told() -> None:
    with pytest.raises(
        ValueError, match=r"'t-1' is not the id of a Slack workspace.*; '#alerts' is not the id of a Slack"
    ):
        SlackChannel(workspace_id="t-1", channel_id="#alerts")
    with pytest.raises(ValueError, match=r"'x' is not an id of Microsoft Teams.*; 'general' is not the id of a Teams"):
        TeamsChannel(tenant_id="x", team_id="01234567-89ab-cdef-0123-456789abcdef", channel_id="general")


def test_superseded_predictions_and_query_results_expire(default: dict[str, Any]) -> None:
    rules = {
        rule["Id"]
        for bucket in of_type(default, "AWS::S3::Bucket").values()
        for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    }
    assert {"ExpireSuperseded", "ExpireQueryResults"} < rules
