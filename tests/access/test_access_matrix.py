"""Isolation: every role of three projects asks everything of every project's resources, and gets what is intended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.access.evaluator import Principal, Resource, decide
from tests.access.intended import INTENDED
from tests.access.matrix import deviations, table
from tests.access.world import PROJECTS, ROLES, Answer, World

REACHES_FOR_EVERYTHING = {"Statement": [{"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}]}
# What only the roles' own policies keep apart, since IAM knows no key that tells whose it is: streams in log groups that all
# jobs of an account share, the one experiment store, and budgets.
LEFT_TO_THE_ROLES = {
    ("budget", "read"),
    ("experiments", "read"),
    ("job log of people", "read"),
    ("job log of pipelines", "read"),
}


@pytest.fixture(scope="module")
def answers(world: World) -> list[Answer]:
    return list(world.answers())


def test_the_matrix_is_as_intended(answers: list[Answer]) -> None:
    assert deviations(answers) == []


def test_it_has_six_roles_of_three_projects_and_those_of_functions(world: World) -> None:
    for roles in world.roles.values():
        assert roles.keys() > set(ROLES) == INTENDED.keys()


def test_no_role_of_any_kind_reaches_another_project(answers: list[Answer]) -> None:
    others = [it for it in answers if it.project != it.owner]
    assert len({it.role for it in others}) > len(ROLES)
    assert [it for it in others if it.allowed] == []


def test_what_is_not_as_intended_is_found_and_shown(answers: list[Answer]) -> None:
    own = next(it for it in answers if it.project == it.owner and it.role == "auditor" and it.ask.kind == "budget")
    trespass = replace(own, owner="ranking", project="demand")
    (sentence,) = deviations([trespass])
    assert sentence.startswith("role 'auditor' of demand may read budget of ranking")
    assert table([trespass]).row_count == 1


def reaching(principal: Principal, **changes: Any) -> Principal:
    return replace(principal, policies=[REACHES_FOR_EVERYTHING], **changes)


@pytest.mark.parametrize("project", PROJECTS)
def test_the_boundary_alone_keeps_a_role_that_reaches_for_everything_in_its_project(world: World, project: str) -> None:
    """The second line of defence: a policy that a team writes badly opens nothing of others."""
    principal = reaching(world.roles[project]["data scientist"])
    reached = {
        (ask.kind, ask.verb)
        for owner in PROJECTS
        if owner != project
        for ask, decisions in world.ask(principal, owner)
        if any(decisions)
    }
    assert reached - LEFT_TO_THE_ROLES == set()


@pytest.mark.parametrize(
    "kind", ["key", "data bucket", "data objects", "artifacts objects", "output objects", "access logs objects"]
)
def test_keys_and_buckets_alone_refuse_roles_of_other_projects(world: World, kind: str) -> None:
    """The third: without a boundary, and with a policy that allows everything."""
    intruder = reaching(world.roles["ranking"]["data scientist"], boundary=None)
    actions = (
        ("kms:Decrypt", "kms:ScheduleKeyDeletion")
        if kind == "key"
        else ("s3:GetObject", "s3:PutObject", "s3:ListBucket")
    )
    for resource in world.resources["demand"][kind]:
        assert [action for action in actions if decide(intruder, action, resource)] == []


@pytest.mark.parametrize("kind", ["key", "data bucket", "data objects"])
def test_the_platforms_own_identities_administer_keys_and_buckets(world: World, kind: str) -> None:
    administrator = Principal(
        arn="arn:aws:iam::123456789012:role/admin", account="123456789012", policies=[REACHES_FOR_EVERYTHING]
    )
    action = "kms:PutKeyPolicy" if kind == "key" else "s3:PutBucketPolicy" if kind == "data bucket" else "s3:GetObject"
    for resource in world.resources["demand"][kind]:
        assert decide(administrator, action, resource)


@pytest.mark.parametrize(
    ("role", "principal", "context", "expected"),
    [
        ("data scientist", "ada", {"aws:PrincipalTag/project": "demand"}, True),
        ("data scientist", "ada", {"aws:PrincipalTag/project": "ranking"}, False),
        ("data scientist", "ada", {}, False),
        ("auditor", "audit", {}, True),
        ("auditor", "ada", {"aws:PrincipalTag/project": "demand"}, False),
        ("deploy", "ada", {"aws:PrincipalTag/project": "demand"}, False),
        ("pipeline", "ada", {"aws:PrincipalTag/project": "demand"}, False),
        ("training job", "ada", {"aws:PrincipalTag/project": "demand"}, False),
    ],
)
def test_who_may_assume_a_role(
    world: World, role: str, principal: str, context: Mapping[str, str], expected: bool
) -> None:
    assumed = world.roles["demand"][role]
    caller = Principal(
        arn=f"arn:aws:iam::123456789012:role/{principal}", account="123456789012", policies=[REACHES_FOR_EVERYTHING]
    )
    resource = Resource(arn=assumed.arn, policy=assumed.trust)
    assert decide(caller, "sts:AssumeRole", resource, context).allowed is expected


def test_a_boundary_and_the_policies_of_a_role_fit_into_what_iam_takes(world: World) -> None:
    """IAM user guide, "IAM and AWS STS quotas": 6,144 characters for a managed policy, 10,240 for a role's own policies."""
    for roles in world.roles.values():
        for name, principal in roles.items():
            assert len(json.dumps(principal.boundary, separators=(",", ":"))) <= 6_144
            assert len(json.dumps(principal.policies, separators=(",", ":"))) <= 10_240, name
