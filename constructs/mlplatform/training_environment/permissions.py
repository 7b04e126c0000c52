"""What people of a project may do with Studio, and what its teardown may do.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker AI"; SageMaker AI
developer guide, "Configure Studio space access" for the conditions on owner and kind of a space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlplatform.policy import Statement
from mlplatform.training_environment.limits import StudioLimits

_MADE_AT_WORK = "people name spaces and apps at work; the conditions confine them to their own and their project's"
_MANAGED_BY = "ManagedByAmazonSageMakerResource"


@dataclass(frozen=True, kw_only=True)
class StudioScope:
    """The domain within which permissions are confined."""

    partition: str
    region: str
    account: str
    domain_id: str
    key_arn: str

    def arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource of this account, such as `app/<domain>/<space>/JupyterLab/default`."""
        return f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:{resource}"

    def profile_arn(self, name: str) -> str:
        """The ARN of a user profile of the domain."""
        return self.arn(f"user-profile/{self.domain_id}/{name}")

    @property
    def domain_arn(self) -> str:
        return self.arn(f"domain/{self.domain_id}")


def studio_statements(
    scope: StudioScope, *, project: str, profiles: Sequence[str], limits: StudioLimits
) -> list[Statement]:
    """What people with one of `profiles` do: run apps of allowed types in their own spaces and those of the project.

    Spaces are called `<project>-...`; whose they are, and in which domain, is decided by the conditions.
    """
    apps, spaces, named = (scope.arn(f"{kind}/*/{project}-*") for kind in ("app", "space", "user-profile"))
    own = {
        "sagemaker:SpaceSharingType": "Private",
        "sagemaker:OwnerUserProfileArn": scope.profile_arn("${sagemaker:UserProfileName}"),
    }
    shared = {
        "sagemaker:SpaceSharingType": "Shared",
        "sagemaker:OwnerUserProfileArn": [scope.profile_arn(profile) for profile in profiles],
    }
    return [
        Statement(
            sid="KeepOwnSpaces",
            actions=["sagemaker:CreateSpace", "sagemaker:DeleteSpace", "sagemaker:UpdateSpace"],
            resources=[spaces],
            conditions={"StringEquals": own, **_allowed_types(limits)},
            wildcard_reason=_MADE_AT_WORK,
        ),
        *(
            Statement(
                sid=sid,
                actions=["sagemaker:CreateApp", "sagemaker:DeleteApp"],
                resources=[apps],
                conditions={"StringEquals": whose, **_allowed_types(limits)},
                wildcard_reason=_MADE_AT_WORK,
            )
            for sid, whose in (("RunAppsInOwnSpaces", own), ("RunAppsInSharedSpaces", shared))
        ),
        Statement(
            sid="TagWhatTheyCreate",
            actions=["sagemaker:AddTags"],
            resources=[apps, spaces],
            conditions={"StringEquals": {"sagemaker:TaggingAction": ["CreateApp", "CreateSpace"]}},
            wildcard_reason=_MADE_AT_WORK,
        ),
        Statement(
            sid="SeeTheDomain",
            actions=[
                "sagemaker:DescribeApp",
                "sagemaker:DescribeDomain",
                "sagemaker:DescribeSpace",
                "sagemaker:DescribeUserProfile",
            ],
            resources=[scope.domain_arn, apps, spaces, named],
            wildcard_reason="Studio shows people what of the project is in the domain; settings, not data",
        ),
        _list_domains(),
        *volume_statements(scope.key_arn),
    ]


def volume_statements(key_arn: str) -> list[Statement]:
    """What any role of an app does with the key of the domain: its space's volume is encrypted on its behalf."""
    return [
        Statement(
            sid="EncryptSpaces",
            actions=["kms:CreateGrant"],
            resources=[key_arn],
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
        Statement(
            sid="UseTheKeyOfSpaces",
            actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"],
            resources=[key_arn],
        ),
    ]


def _list_domains() -> Statement:
    return Statement(
        sid="ListDomains",
        actions=["sagemaker:ListApps", "sagemaker:ListSpaces", "sagemaker:ListUserProfiles"],
        resources=["*"],
        wildcard_reason="these lists have no resource types; they name what there is and change nothing",
    )


def _allowed_types(limits: StudioLimits) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """True without a type in the request, too: then the domain's default starts, which is on the list."""
    return {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": list(limits.instance_types)}}


def teardown_statements(scope: StudioScope, *, vpc_id: str, function_arn: str) -> list[Statement]:
    """What the teardown does: empty and delete this one domain, and free the network of what it left there."""
    ec2 = f"arn:{scope.partition}:ec2:{scope.region}:{scope.account}"
    file_systems = f"arn:{scope.partition}:elasticfilesystem:{scope.region}:{scope.account}:file-system/*"
    of_the_domain = {"StringEquals": {f"aws:ResourceTag/{_MANAGED_BY}": scope.domain_arn}}
    by_its_tag = "SageMaker named it; the condition is the tag that SageMaker put on it"
    return [
        Statement(
            sid="EmptyTheDomain",
            actions=[
                "sagemaker:DeleteApp",
                "sagemaker:DeleteSpace",
                "sagemaker:DeleteUserProfile",
            ],
            resources=[scope.arn(f"{kind}/{scope.domain_id}/*") for kind in ("app", "space", "user-profile")],
            wildcard_reason="what is in the domain is made at work, and listed before it is deleted",
        ),
        Statement(
            sid="LimitProfiles",
            actions=["sagemaker:DescribeUserProfile", "sagemaker:UpdateUserProfile"],
            resources=[scope.arn(f"user-profile/{scope.domain_id}/*")],
            wildcard_reason="projects bring their people, and limits, after the domain is made",
        ),
        _list_domains(),
        Statement(
            sid="DeleteTheDomain",
            actions=["sagemaker:DeleteDomain", "sagemaker:DescribeDomain"],
            resources=[scope.domain_arn],
        ),
        Statement(
            sid="DeleteMountTargets",
            actions=["elasticfilesystem:DeleteFileSystem", "elasticfilesystem:DeleteMountTarget"],
            resources=[file_systems],
            conditions=of_the_domain,
            wildcard_reason=by_its_tag,
        ),
        Statement(
            sid="SeeFileSystems",
            actions=["elasticfilesystem:DescribeFileSystems", "elasticfilesystem:DescribeMountTargets"],
            resources=[file_systems],
            wildcard_reason="one that is gone has no tag left to ask for, and has to be seen to be gone",
        ),
        Statement(
            sid="DeleteMountTargetInterfaces",
            actions=["ec2:DeleteNetworkInterface"],
            resources=[f"{ec2}:network-interface/*"],
            conditions={"StringEquals": {"ec2:Vpc": f"{ec2}:vpc/{vpc_id}"}},
            wildcard_reason="DeleteMountTarget deletes its interface on the caller's behalf; EFS named it",
        ),
        Statement(
            sid="DeleteSecurityGroups",
            actions=[
                "ec2:DeleteSecurityGroup",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupIngress",
            ],
            resources=[f"{ec2}:security-group/*"],
            conditions=of_the_domain,
            wildcard_reason=by_its_tag,
        ),
        Statement(
            sid="SeeTheNetwork",
            actions=["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"],
            resources=["*"],
            wildcard_reason="EC2's Describe actions have no resource types",
        ),
        Statement(sid="GoOnLater", actions=["lambda:InvokeFunction"], resources=[function_arn]),
    ]
