"""Who may assume the roles of a project."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mlplatform.project import JobLimits, OidcSubjects, ProjectAccess
from tests.unit.project.templates import JOB_ROLES, synthesize, trust

CI_ROLE = "arn:aws:iam::111122223333:role/ci"
AUDIT_ROLE = "arn:aws:iam::111122223333:role/audit"


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
