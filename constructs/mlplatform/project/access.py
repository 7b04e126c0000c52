"""Who may assume a project's roles, besides SageMaker itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlplatform import naming
from mlplatform.policy import Document, service_trust
from mlplatform.project.scope import PROJECT_TAG, SAGEMAKER, ProjectScope

NOBODY: Document = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
"""The trust of a role for which nobody has been named."""


@dataclass(frozen=True, kw_only=True)
class OidcSubjects:
    """Workflows of a CI system that signs in by OpenID Connect, without a secret kept anywhere.

    `provider` is its host, and path if it has one, without `https://`: `token.actions.githubusercontent.com`. The account
    must have it as an IAM OIDC provider with the audience `sts.amazonaws.com`. `subjects` are compared whole, so that no
    other branch or repository matches: `repo:example/forecasting:ref:refs/heads/main`.

    Raises:
        ValueError: the provider is no host, or a subject is missing or holds a wildcard; all in one message.
    """

    provider: str
    subjects: tuple[str, ...]

    def __post_init__(self) -> None:
        problems = naming.problems(naming.OIDC_PROVIDER, [self.provider])
        problems += naming.problems(naming.OIDC_SUBJECT, self.subjects)
        if not self.subjects:
            problems.append("subjects is empty, so that any workflow would match; name at least one")
        if problems:
            raise ValueError("; ".join(problems))


@dataclass(frozen=True, kw_only=True)
class ProjectAccess:
    """Who delivers to a project and who audits it. Nobody does unless named here: the roles exist, and stay shut.

    `ci` and `deployers`, ARNs of roles, may assume the deploy role; `auditors`, ARNs of roles, the auditor role. People
    assume the data scientist's role without being named: with an identity of the account whose tag `project` has the
    project's name.

    Raises:
        ValueError: an ARN is not one of a role; all in one message.
    """

    ci: OidcSubjects | None = None
    deployers: tuple[str, ...] = ()
    auditors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if problems := naming.problems(naming.ROLE_ARN, [*self.deployers, *self.auditors]):
            raise ValueError("; ".join(problems))


def data_scientist_trust(scope: ProjectScope) -> list[Document]:
    """Studio on behalf of a person, and identities of the account that are tagged with the project."""
    tagged: Document = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{scope.partition}:iam::{scope.account}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {f"aws:PrincipalTag/{PROJECT_TAG}": scope.name}},
    }
    return [service_trust(SAGEMAKER, account=scope.account), tagged]


def deploy_trust(scope: ProjectScope, access: ProjectAccess) -> list[Document]:
    """The CI system and the roles that were named, or nobody."""
    workflows = [] if access.ci is None else [_federated(scope, access.ci)]
    return [*workflows, *_roles(access.deployers)] or [NOBODY]


def auditor_trust(access: ProjectAccess) -> list[Document]:
    """The roles that were named, or nobody."""
    return _roles(access.auditors) or [NOBODY]


def _federated(scope: ProjectScope, ci: OidcSubjects) -> Document:
    return {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:{scope.partition}:iam::{scope.account}:oidc-provider/{ci.provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{ci.provider}:aud": "sts.amazonaws.com", f"{ci.provider}:sub": list(ci.subjects)}
        },
    }


def _roles(arns: Sequence[str]) -> list[Document]:
    return [{"Effect": "Allow", "Principal": {"AWS": list(arns)}, "Action": "sts:AssumeRole"}] if arns else []
