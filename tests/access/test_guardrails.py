"""Guardrails: for each one, a request that breaks it is denied by it, and the same request without the break is allowed."""

from __future__ import annotations

import json

import pytest

from mlplatform.network import ProjectNetwork
from mlplatform.project import JobLimits
from mlplatform.project.boundary import MAX_CHARACTERS, boundary_document
from mlplatform.project.limits import MAX_INSTANCE_TYPES
from mlplatform.project.scope import ProjectScope
from tests.access.conditions import Context
from tests.access.evaluator import Decision, Principal, Resource, decide
from tests.access.world import ACCOUNT, LOCAL_STORAGE_TYPE, REGION, World

ELSEWHERE = "arn:aws:kms:us-east-1:123456789012:key/elsewhere"
JOBS = {
    "sagemaker:CreateProcessingJob": "processing-job",
    "sagemaker:CreateTrainingJob": "training-job",
    "sagemaker:CreateHyperParameterTuningJob": "hyper-parameter-tuning-job",
}
EVERY_JOB = {**JOBS, "sagemaker:CreateTransformJob": "transform-job"}
PLACED = {**JOBS, "sagemaker:CreateModel": "model"}
# Which actions a guardrail holds, the key it is about, values that break it (None: the request lacks the key), and how the
# boundary says no.
BREAKS: list[tuple[dict[str, str], str, str | list[str] | None, str]] = [
    (EVERY_JOB, "sagemaker:InstanceTypes", ["ml.p5.48xlarge"], "InstanceTypeOffTheList"),
    (EVERY_JOB, "sagemaker:InstanceTypes", ["ml.m5.xlarge", "ml.p5.48xlarge"], "InstanceTypeOffTheList"),
    (EVERY_JOB, "sagemaker:InstanceTypes", None, "NoInstanceType"),
    (EVERY_JOB, "sagemaker:VolumeKmsKey", ELSEWHERE, "VolumeWithoutTheKey"),
    (EVERY_JOB, "sagemaker:VolumeKmsKey", None, "VolumeWithoutTheKey"),
    (EVERY_JOB, "sagemaker:OutputKmsKey", ELSEWHERE, "OutputWithoutTheKey"),
    (EVERY_JOB, "sagemaker:OutputKmsKey", None, "OutputWithoutTheKey"),
    (JOBS, "sagemaker:MaxRuntimeInSeconds", "7201", "LongerThanTheLimit"),
    (JOBS, "sagemaker:MaxRuntimeInSeconds", None, "LongerThanTheLimit"),
    (JOBS, "sagemaker:InterContainerTrafficEncryption", "false", "TrafficInPlainText"),
    (JOBS, "sagemaker:InterContainerTrafficEncryption", None, "TrafficInPlainText"),
    (PLACED, "sagemaker:VpcSubnets", ["subnet-elsewhere"], "OutsideTheSubnets"),
    (PLACED, "sagemaker:VpcSubnets", None, "NoSubnets"),
    (PLACED, "sagemaker:VpcSecurityGroupIds", ["sg-elsewhere"], "OutsideTheSecurityGroups"),
    ({**EVERY_JOB, **PLACED}, "aws:RequestTag/project", "ranking", "the boundary does not allow it"),
    ({**EVERY_JOB, **PLACED}, "aws:RequestTag/project", None, "the boundary does not allow it"),
]


def cases() -> list[object]:
    return [
        pytest.param(role, action, key, value, says, id=f"{role}-{action[10:]}-{key.split(':')[-1]}-{value}")
        for actions, key, value, says in BREAKS
        for action in actions
        for role in ("pipeline", "data scientist")
        if not (role == "data scientist" and "Tuning" in action)
    ]


def asked(world: World, role: str, action: str, context: Context) -> Decision:
    kind = {**EVERY_JOB, **PLACED}[action]
    name = "x-Tune-y" if "tuning" in kind else "pipelines-x-Step-y" if role == "pipeline" else "demand-x"
    resource = Resource(arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}")
    return decide(world.roles["demand"][role], action, resource, context)


@pytest.mark.parametrize(("role", "action", "key", "value", "says"), cases())
def test_what_breaks_a_guardrail_is_denied_and_the_same_without_the_break_is_allowed(
    world: World, role: str, action: str, key: str, value: str | list[str] | None, says: str
) -> None:
    compliant = world.compliant(action, "demand")
    assert key in compliant
    assert asked(world, role, action, compliant)

    broken = {name: it for name, it in compliant.items() if name != key}
    denied = asked(world, role, action, broken if value is None else {**broken, key: value})
    assert not denied
    assert says in denied.reason


@pytest.mark.parametrize("action", EVERY_JOB)
def test_a_type_that_encrypts_its_own_disks_needs_no_volume_key(world: World, action: str) -> None:
    compliant = world.compliant(action, "demand", instance_type=LOCAL_STORAGE_TYPE)
    assert "sagemaker:VolumeKmsKey" not in compliant
    assert asked(world, "pipeline", action, compliant)


@pytest.mark.parametrize(
    ("instance_type", "allowed"), [("ml.m5.large", True), ("system", True), ("ml.p5.48xlarge", False)]
)
def test_studio_runs_apps_on_the_projects_types_only(world: World, instance_type: str, allowed: bool) -> None:
    app = Resource(arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:app/d-x/demand-ada/JupyterLab/default")
    context = {"sagemaker:InstanceTypes": [instance_type]}
    assert decide(added(world, "sagemaker:CreateApp"), "sagemaker:CreateApp", app, context).allowed is allowed


def added(world: World, action: str) -> Principal:
    """A role that somebody adds to the project, with this one action on everything, under the boundary."""
    own = {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    boundary = world.roles["demand"]["data scientist"].boundary
    return Principal(arn="arn:aws:iam::123456789012:role/added", account=ACCOUNT, policies=[own], boundary=boundary)


def test_a_function_plans_starts_with_a_role_of_the_project_and_no_other(world: World) -> None:
    """What the boundary leaves to functions that make schedules: their own groups, and roles below the project's path."""
    planner = added(world, "scheduler:CreateSchedule")
    passer = added(world, "iam:PassRole")
    to_the_scheduler = {"iam:PassedToService": "scheduler.amazonaws.com"}
    for project, allowed in (("demand", True), ("demandplus", False), ("ranking", False)):
        schedule = Resource(arn=f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{project}-training/next")
        role = Resource(arn=f"arn:aws:iam::{ACCOUNT}:role/mlp/{project}/starts")
        assert decide(planner, "scheduler:CreateSchedule", schedule).allowed is allowed
        assert decide(passer, "iam:PassRole", role, to_the_scheduler).allowed is allowed
    assert not decide(
        passer,
        "iam:PassRole",
        Resource(arn=f"arn:aws:iam::{ACCOUNT}:role/mlp/demand/x"),
        {"iam:PassedToService": "lambda.amazonaws.com"},
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sagemaker:RootAccess", "Enabled"),
        ("sagemaker:RootAccess", None),
        ("sagemaker:DirectInternetAccess", "Enabled"),
        ("sagemaker:VolumeKmsKey", ELSEWHERE),
        ("sagemaker:VpcSubnets", ["subnet-elsewhere"]),
        ("sagemaker:InstanceTypes", ["ml.p5.48xlarge"]),
        ("aws:RequestTag/project", "ranking"),
    ],
)
def test_a_role_that_a_team_lets_create_notebooks_creates_none_with_root_access(
    world: World, key: str, value: str | list[str] | None
) -> None:
    """No role of the six creates notebook instances; the boundary holds whoever a team adds."""
    action = "sagemaker:CreateNotebookInstance"
    team = added(world, action)
    notebook = Resource(arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:notebook-instance/demand-x")
    compliant = world.compliant(action, "demand")
    assert decide(team, action, notebook, compliant)

    broken = {name: it for name, it in compliant.items() if name != key}
    assert not decide(team, action, notebook, broken if value is None else {**broken, key: value})


def test_jobs_are_tagged_when_they_are_created_and_never_after(world: World) -> None:
    """Who could tag another project's job with the own name could stop it."""
    job = Resource(arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/pipelines-x", tags={"project": "ranking"})
    pipeline = world.roles["demand"]["pipeline"]
    assert decide(pipeline, "sagemaker:AddTags", job, {"sagemaker:TaggingAction": "CreateTrainingJob"})
    assert not decide(pipeline, "sagemaker:AddTags", job, {"aws:RequestTag/project": "demand"})


def test_a_budget_that_is_spent_ends_new_jobs_and_nothing_else(world: World) -> None:
    """The policy that AWS Budgets attaches, in the place of AWS Budgets."""
    ((_, properties),) = (
        it for it in world.account.find("AWS::IAM::ManagedPolicy", "mlp-dev-project-demand") if "DenyNewJobs" in it[0]
    )
    for role in ("pipeline", "data scientist"):
        principal = world.roles["demand"][role]
        spent = Principal(
            arn=principal.arn,
            account=ACCOUNT,
            policies=[*principal.policies, properties["PolicyDocument"]],
            boundary=principal.boundary,
        )
        name = "pipelines-x" if role == "pipeline" else "demand-x"
        job = Resource(arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}", tags={"project": "demand"})
        context = world.compliant("sagemaker:CreateTrainingJob", "demand")
        assert decide(principal, "sagemaker:CreateTrainingJob", job, context)
        assert "BudgetSpent" in decide(spent, "sagemaker:CreateTrainingJob", job, context).reason
        assert decide(spent, "sagemaker:StopTrainingJob", job)


def test_the_budgets_role_attaches_that_policy_to_the_projects_roles_and_no_other(world: World) -> None:
    budget = world.roles["demand"]["budget"]
    ((logical_id, _),) = (
        it for it in world.account.find("AWS::IAM::ManagedPolicy", "mlp-dev-project-demand") if "DenyNewJobs" in it[0]
    )
    policy = world.account.arn("mlp-dev-project-demand", logical_id)
    for owner, role, attached, allowed in (
        ("demand", "pipeline", policy, True),
        ("demand", "pipeline", "arn:aws:iam::aws:policy/AdministratorAccess", False),
        ("demand", "auditor", policy, False),
        ("ranking", "pipeline", policy, False),
    ):
        resource = Resource(arn=world.roles[owner][role].arn)
        assert decide(budget, "iam:AttachRolePolicy", resource, {"iam:PolicyARN": attached}).allowed is allowed


def test_the_longest_boundary_fits_into_what_iam_takes() -> None:
    """A name of 32 characters, bucket names of 63, eight zones, and as many types as a project may have."""
    buckets = [f"arn:aws:s3:::{'b' * 62}{number}" for number in range(4)]
    scope = ProjectScope(
        name="x" * 32,
        partition="aws",
        region="ap-southeast-1",
        account=ACCOUNT,
        key_arn=f"arn:aws:kms:ap-southeast-1:{ACCOUNT}:key/{'0' * 36}",
        data_bucket_arn=buckets[0],
        artifact_bucket_arn=buckets[1],
        output_bucket_arn=buckets[2],
        log_bucket_arn=buckets[3],
        network=ProjectNetwork(
            subnet_ids=tuple(f"subnet-{number:017}" for number in range(8)), security_group_ids=(f"sg-{0:017}",)
        ),
        limits=JobLimits(
            instance_types=(
                *(f"ml.c7i.{number}xlarge" for number in range(10, 9 + MAX_INSTANCE_TYPES)),
                "ml.g4dn.xlarge",
            )
        ),
    )
    assert len(json.dumps(boundary_document(scope), separators=(",", ":"))) <= MAX_CHARACTERS
