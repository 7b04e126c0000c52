"""Isolation and policies judged by others: an SMT solver, and the Service Authorization Reference (docs/adr/0008)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.access.conditions import matches
from tests.access.evaluator import Principal, Resource, decide
from tests.access.world import PROJECTS, World
from tests.conftest import REPOSITORY

PYTHON = REPOSITORY / ".tools" / "access" / "bin" / "python"
INTRUDER, NEIGHBOUR = "demand", "demandplus"
"""Its name is the beginning of another one's. The three are made alike, and the matrix asks the roles of each."""
SERVICES = (
    "application-autoscaling",
    "athena",
    "budgets",
    "cloudwatch",
    "ec2",
    "ecr",
    "events",
    "firehose",
    "glue",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "sagemaker",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "sts",
)
# The reference's service and resource type by kind of resource. The logs of jobs and the experiment store belong to no
# project; the matrix asks for them.
TYPES = {
    "key": "kms:key",
    "data bucket": "s3:bucket",
    "data objects": "s3:object",
    "artifacts bucket": "s3:bucket",
    "artifacts objects": "s3:object",
    "output bucket": "s3:bucket",
    "output objects": "s3:object",
    "access logs bucket": "s3:bucket",
    "access logs objects": "s3:object",
    "topic": "sns:topic",
    "repository": "ecr:repository",
    "model package group": "sagemaker:model-package-group",
    "model version": "sagemaker:model-package",
    "pipeline": "sagemaker:pipeline",
    "pipeline execution": "sagemaker:pipeline-execution",
    "processing job of pipelines": "sagemaker:processing-job",
    "training job of pipelines": "sagemaker:training-job",
    "transform job of pipelines": "sagemaker:transform-job",
    "processing job of people": "sagemaker:processing-job",
    "training job of people": "sagemaker:training-job",
    "transform job of people": "sagemaker:transform-job",
    "tuning job": "sagemaker:hyper-parameter-tuning-job",
    "model of pipelines": "sagemaker:model",
    "notebook": "sagemaker:notebook-instance",
    "studio app": "sagemaker:app",
    "function": "lambda:function",
    "planning function": "lambda:function",
    "controller": "lambda:function",
    "schedule": "scheduler:schedule",
    "endpoint function": "lambda:function",
    "endpoint": "sagemaker:endpoint",
    "asynchronous endpoint": "sagemaker:endpoint",
    "inference component": "sagemaker:inference-component",
    "endpoint-config of approvals": "sagemaker:endpoint-config",
    "model of approvals": "sagemaker:model",
    "function log": "logs:log-group",
    "endpoint log": "logs:log-group",
    "access log": "logs:log-group",
    "prediction stream": "firehose:deliverystream",
    "dead letters": "sqs:queue",
    "job role": "iam:role",
    "other role": "iam:role",
    "function role": "iam:role",
    "budget": "budgets:budget",
}
NAMES_ONLY = {"sagemaker:ListModelPackages"}
"""Lists the names of versions of any group, and nothing of what stands behind them."""


def ask(question: str, content: object) -> Any:
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON.relative_to(REPOSITORY)} is not there; run: make .tools/access/.ready")
    oracle = Path(__file__).with_name("oracle.py")
    done = subprocess.run(
        [str(PYTHON), str(oracle), question], input=json.dumps(content), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def reference() -> dict[str, dict[str, list[str]]]:
    answer: dict[str, dict[str, list[str]]] = ask("reference", SERVICES)
    return answer


def actions_on(reference: dict[str, dict[str, list[str]]], kind: str) -> list[str]:
    """Every action of AWS that can be asked for on a kind of resource."""
    service, _, wanted = TYPES[kind].partition(":")
    of_roles = ["sts"] if TYPES[kind] == "iam:role" else []
    return [
        action
        for action, it in reference.items()
        if action.partition(":")[0] in (service, *of_roles) and wanted in it["types"] and action not in NAMES_ONLY
    ]


def context_of(principal: Principal, owner: str) -> dict[str, str]:
    """A request on what another project owns, which does not create it: what is not said here may be anything."""
    return {
        "aws:PrincipalTag/project": principal.tags["project"],
        "aws:ResourceTag/project": owner,
        "aws:RequestTag/project": owner,
        "sagemaker:TaggingAction": "",
    }


def trespasses(world: World) -> Iterator[tuple[Principal, str, str, Resource]]:
    """Every role of one project with every resource of the others: `(role, owner, kind, resource)`."""
    for principal in world.roles[INTRUDER].values():
        for owner in PROJECTS:
            for kind in TYPES:
                for resource in world.resources[owner][kind] if owner != INTRUDER else ():
                    yield principal, owner, kind, resource


def test_no_action_of_aws_reaches_what_another_project_owns(
    world: World, reference: dict[str, dict[str, list[str]]]
) -> None:
    actions = {kind: actions_on(reference, kind) for kind in TYPES}
    assert all(actions.values())
    assert sum(map(len, actions.values())) > 500
    reached = [
        f"{principal.arn}: {action} on {resource.arn}"
        for principal, owner, kind, resource in trespasses(world)
        for action in actions[kind]
        if decide(principal, action, resource, {"aws:RequestTag/project": owner})
    ]
    assert reached == []


def test_an_smt_solver_finds_no_request_that_reaches_what_another_project_owns(
    world: World, reference: dict[str, dict[str, list[str]]]
) -> None:
    """Of the project whose name begins with the intruder's, where a pattern that is too wide would match first."""
    actions = {kind: actions_on(reference, kind) for kind in TYPES}
    asked: dict[str, list[dict[str, Any]]] = {}
    for principal, owner, kind, resource in trespasses(world):
        if owner == NEIGHBOUR:
            question = {
                "arns": [resource.arn],
                "actions": actions[kind],
                "policies": [] if resource.policy is None else [resource.policy],
                "context": context_of(principal, owner),
            }
            asked.setdefault(principal.arn, []).append(question)
    roles = [
        {"arn": it.arn, "policies": it.policies, "boundary": it.boundary, "asked": asked[it.arn]}
        for it in world.roles[INTRUDER].values()
    ]
    assert ask("prove", {"roles": roles}) == []


def test_the_solver_finds_a_policy_that_reaches_too_far(world: World) -> None:
    intruder = world.roles["ranking"]["data scientist"]
    too_far = {"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
    (data,) = world.resources["demand"]["data objects"]
    asked = {"arns": [data.arn], "actions": ["s3:GetObject"], "policies": [], "context": {}}
    question = {"arn": intruder.arn, "policies": [too_far], "boundary": intruder.boundary, "asked": [asked]}
    assert len(ask("prove", {"roles": [question]})) == 1


def test_every_action_exists_and_has_the_condition_keys_that_are_asked_of_it(
    world: World, reference: dict[str, dict[str, list[str]]]
) -> None:
    assert list(_unknown(world, reference)) == []


def _unknown(world: World, reference: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    documents = [
        (principal.arn, document)
        for roles in world.roles.values()
        for principal in roles.values()
        for document in (*principal.policies, principal.boundary)
        if document is not None
    ]

    @cache
    def named_by(pattern: str) -> list[str]:
        return [action for action in reference if matches(pattern.lower(), action.lower())]

    for where, document in documents:
        # A Deny by a pattern is about what an Allow lets through; a pattern of an Allow needs one match.
        allowed = {action for pattern in _allowed(document) for action in named_by(pattern)}
        for statement in document["Statement"]:
            conditions = {key for keys in statement.get("Condition", {}).values() for key in keys}
            for pattern in _listed(statement["Action"]):
                found = named_by(pattern)
                if not found:
                    yield f"{where}: {statement['Sid']}: no action is {pattern}"
                denied = [it for it in found if it == pattern or it in allowed]
                held = denied if statement["Effect"] == "Deny" else found
                for key in sorted(conditions):
                    known = [_knows(reference[action]["keys"], key) for action in held]
                    if not (any(known) if statement["Effect"] == "Allow" else known and all(known)):
                        yield f"{where}: {statement['Sid']}: {pattern} has no condition key {key}"


def _allowed(document: Any) -> set[str]:
    return {action for it in document["Statement"] if it["Effect"] == "Allow" for action in _listed(it["Action"])}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _knows(keys: list[str], key: str) -> bool:
    """Tag keys stand with a placeholder in the reference."""
    return key in keys or f"{key.rpartition('/')[0]}/${{TagKey}}" in keys
