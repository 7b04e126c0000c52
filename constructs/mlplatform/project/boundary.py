"""The permissions boundary: what no role of a project can exceed, whatever its own policy says.

A boundary grants nothing. An action is possible only if a statement here allows it *and* a policy of the role does. The
guardrails stand here once, so that whoever creates a job, a model, an app or a notebook, a pipeline or a person, is held by
them; each is a Deny that names itself in the error that AWS gives.

Which condition keys an action has is from the Service Authorization Reference, "Actions, resources, and condition keys for
Amazon SageMaker" (a test holds every pair here against it). A request may lack a key, so that every Deny must hold then, too:
negated operators and `...IfExists` do by themselves; `ForAnyValue` does not, so that a `Null` asks for those keys besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplatform.project.limits import takes_volume_key
from mlplatform.project.scope import PROJECT_TAG, SAGEMAKER, SCHEDULER, ProjectScope

MAX_CHARACTERS = 6_144
"""Of a managed policy, without white space (IAM user guide, "IAM and AWS STS quotas")."""
SYSTEM_INSTANCE = "system"
"""What Studio runs an app on that needs no instance of its own."""

_JOBS = "sagemaker:Create*ingJob"
"""Processing, training and hyperparameter tuning; the Allow names them in full."""
_TRANSFORM, _MODEL, _NOTEBOOK = (
    "sagemaker:CreateTransformJob",
    "sagemaker:CreateModel",
    "sagemaker:CreateNotebookInstance",
)
_APPS = ("sagemaker:CreateApp", "sagemaker:*ateSpace")
"""Creating and updating; as everywhere here, a wildcard where nothing else fits it, since characters are scarce."""
_OWN = (
    "application-autoscaling:*Sch*",  # Put, Delete, DescribeScheduledAction.
    "athena:*",
    "ecr:*",
    "firehose:Put*",  # Record.
    "lambda:GetFunctionC*",  # Configuration; the rest is no secret.
    "lambda:InvokeF*",  # Function.
    "logs:*",
    "sagemaker:*eEndpoint*",  # Create, Invoke, Update: by the temporary ones Clarify asks a model.
    "sagemaker:BatchD*",  # Describe.
    "sagemaker:*ateModelPackage",  # Create, Update.
    "sagemaker:Ca*",  # Call.
    "sagemaker:CreatePres*",  # PresignedDomainUrl and so on.
    "sagemaker:De*",  # Delete, Describe.
    "sagemaker:L*",  # List.
    "sagemaker:Ret*",  # Retry.
    "sagemaker:S*t*",  # Send, Start, Stop; not Search.
    "sagemaker:UpdateInf*",  # InferenceComponent.
    "sagemaker:UpdatePi*",  # Pipeline and so on.
    "sns:Pub*",  # Publish.
    "sqs:*Mess*",
)
_ANYWHERE = (
    "budgets:V*",
    "cloudwatch:*MetricD*",  # Get, PutMetricData.
    "ec2:*NetworkInt*",
    "ec2:Describe*",
    "ecr:GetAu*",  # AuthorizationToken.
    "events:PutE*",
    # Public data, source archives and spaces lie in other buckets and under other keys; those of other projects refuse.
    "kms:CreateG*",
    "kms:Dec*",  # Decrypt.
    "kms:DescribeK*",  # Key.
    "kms:GenerateD*",  # DataKey and so on.
    "s3:GetBucketLoc*",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListBucket*",
    "ssm:GetParameter",
)

_CONTENT_OF_RECORDS = "arn:*:s3:::*/blobs/*"
"""What runs are told by goes into a bucket of the experiment store; those of other projects refuse whatever an object is called."""

Conditions = Mapping[str, Mapping[str, Any]]
Statement = dict[str, Any]


def boundary_document(scope: ProjectScope) -> dict[str, object]:
    """The boundary of one project's roles as IAM takes it."""
    # A bucket's name ends in a random part, so that nothing but the bucket and its objects begins with it.
    buckets = [f"{arn}*" for arn in (*scope.bucket_arns, scope.log_bucket_arn)]
    tables = [scope.arn("glue", resource) for resource in ("catalog", f"*/{scope.table_prefix}*")]
    own = [
        *buckets,
        _CONTENT_OF_RECORDS,
        scope.key_arn,
        scope.role_arns,
        scope.arn("scheduler", f"schedule/{scope.name}-*"),
        *tables,
    ]
    passed = {"StringEquals": {"iam:PassedToService": [SAGEMAKER, SCHEDULER]}}
    own_or_untagged = {"StringEqualsIfExists": {f"aws:ResourceTag/{PROJECT_TAG}": scope.name}}
    statements = [
        _allow("Anywhere", _ANYWHERE),
        _allow("Own", ["glue:*Get*", "iam:Get*", "iam:List*", "kms:*", "s3:*", "scheduler:*"], own),
        _allow("Shared", _OWN, conditions=own_or_untagged),
        _allow("PassOwn", ["iam:PassRole"], [scope.role_arns], passed),
        _allow("Budget", ["iam:*tachRolePolicy"], [scope.role_arns], scope.budget_policy),
        _allow("TagNew", ["sagemaker:AddTags"], conditions={"Null": {"sagemaker:TaggingAction": "false"}}),
        *_creations(scope),
        *_guardrails(scope),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _creations(scope: ProjectScope) -> Iterator[Statement]:
    """What may be created at all: under the project's tag or name."""
    tagged = {f"aws:RequestTag/{PROJECT_TAG}": scope.name}
    placed = () if scope.network is None else ("sagemaker:VpcSecurityGroupIds", "sagemaker:VpcSubnets")
    closed = {"sagemaker:DirectInternetAccess": "Disabled", "sagemaker:RootAccess": "Disabled"}
    jobs = [f"sagemaker:Create{kind}Job" for kind in ("HyperParameterTuning", "Processing", "Training")]
    yield _allow("JobsAndModels", [*jobs, _TRANSFORM, _MODEL], conditions=_says(tagged))
    with_key = {"ArnEquals": {"sagemaker:VolumeKmsKey": scope.key_arn}}
    yield _allow("Notebooks", [_NOTEBOOK], conditions={**_says({**tagged, **closed}, *placed), **with_key})
    yield _allow("Apps", _APPS, [scope.sagemaker_arn(f"{kind}/*/{scope.name}-*") for kind in ("app", "space")])


def _guardrails(scope: ProjectScope) -> Iterator[Statement]:
    """What a job, a model, an app or a notebook must not ask for."""
    types = scope.limits.instance_types
    yield _deny("NoInstanceType", [_JOBS, _TRANSFORM], {"Null": {"sagemaker:InstanceTypes": "true"}})
    yield _deny(
        "InstanceTypeOffTheList",
        [_JOBS, _TRANSFORM, _NOTEBOOK, *_APPS, "sagemaker:CreateEndpointConfig"],
        _not_every("sagemaker:InstanceTypes", [*types, SYSTEM_INSTANCE]),
    )
    without_volume = [kind for kind in types if not takes_volume_key(kind)]
    if len(without_volume) < len(types):
        on_volumes = _some_other("sagemaker:InstanceTypes", without_volume, among=types) if without_volume else {}
        without_key = {"ArnNotEquals": {"sagemaker:VolumeKmsKey": scope.key_arn}}
        yield _deny("VolumeWithoutTheKey", [_JOBS, _TRANSFORM], {**without_key, **on_volumes})
    yield _deny("OutputWithoutTheKey", [_JOBS, _TRANSFORM], {"ArnNotEquals": {"sagemaker:OutputKmsKey": scope.key_arn}})
    longer = {"sagemaker:MaxRuntimeInSeconds": str(scope.limits.max_runtime_seconds)}
    yield _deny("LongerThanTheLimit", [_JOBS], {"NumericGreaterThanIfExists": longer})
    in_plain_text = {"sagemaker:InterContainerTrafficEncryption": "false"}
    yield _deny("TrafficInPlainText", [_JOBS], {"BoolIfExists": in_plain_text})
    if scope.network is not None:
        placed = [_JOBS, _MODEL, _NOTEBOOK]
        # SageMaker takes subnets and security groups together only.
        yield _deny("NoSubnets", [_JOBS, _MODEL], {"Null": {"sagemaker:VpcSubnets": "true"}})
        yield _deny("OutsideTheSubnets", placed, _not_every("sagemaker:VpcSubnets", scope.network.subnet_ids))
        groups = scope.network.security_group_ids
        yield _deny("OutsideTheSecurityGroups", placed, _not_every("sagemaker:VpcSecurityGroupIds", groups))


def wildcards(document: Mapping[str, Any]) -> list[str]:
    """What cdk-nag finds in a policy: each action and each resource with a wildcard."""
    found: dict[str, None] = {}
    for statement in document["Statement"]:
        if statement["Effect"] == "Deny":
            continue
        for kind in ("Action", "Resource"):
            values = [statement[kind]] if isinstance(statement[kind], str) else statement[kind]
            found.update(dict.fromkeys(f"{kind}::{value}" for value in values if "*" in value))
    return list(found)


def _says(values: Mapping[str, str], *keys: str) -> Conditions:
    """A request that has these values, and says something for each of these keys."""
    said = {"Null": dict.fromkeys(keys, "false")} if keys else {}
    return {"StringEquals": dict(values), **said}


def _some_other(key: str, values: Sequence[str], *, among: Sequence[str]) -> Conditions:
    """A key one of whose values, all of which are `among` these, is not one of those: said the shorter way."""
    others = [value for value in among if value not in values]
    return {"ForAnyValue:StringEquals": {key: others}} if len(others) < len(values) else _not_every(key, values)


def _not_every(key: str, values: Sequence[str]) -> Conditions:
    """A key one of whose values is not among these."""
    return {"ForAnyValue:StringNotEquals": {key: list(values)}}


def _allow(
    sid: str, actions: Sequence[str], resources: Sequence[str] = ("*",), conditions: Conditions | None = None
) -> Statement:
    statement = {"Sid": sid, "Effect": "Allow", "Action": _brief(actions), "Resource": _brief(resources)}
    return statement if conditions is None else {**statement, "Condition": conditions}


def _deny(sid: str, actions: Sequence[str], conditions: Conditions) -> Statement:
    return {"Sid": sid, "Effect": "Deny", "Action": _brief(actions), "Resource": "*", "Condition": conditions}


def _brief(values: Sequence[str]) -> str | list[str]:
    """One value stands without a list, which is two characters less."""
    return values[0] if len(values) == 1 else list(values)
