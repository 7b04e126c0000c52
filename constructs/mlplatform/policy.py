"""Least-privilege IAM roles as typed statements: no wildcard actions, a reason for each wildcard resource.

A typed L1 role and Python strings instead of `iam.Role` and its grants: the same document at a third of the
jsii calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from aws_cdk import IResolvable
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlplatform.compliance import accept, finding_names

Conditions = Mapping[str, Mapping[str, str | Sequence[str]]]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One Allow statement.

    `actions` are spelled out (`s3:GetObject`), never `s3:Get*`. `resources` are ARNs and may hold CDK tokens.
    `wildcard_reason` says why a resource holds a `*`; it is required when one does and becomes the
    acknowledgment of cdk-nag's AwsSolutions-IAM5, finding by finding.

    Raises:
        ValueError: a wildcard in an action, or a wildcard in a resource without a reason.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Conditions = field(default_factory=dict)
    wildcard_reason: str | None = None

    def __post_init__(self) -> None:
        problems = [
            f"action {action!r} of statement {self.sid!r} has a wildcard; name the actions"
            for action in self.actions
            if "*" in action or "?" in action
        ]
        if self.wildcards and self.wildcard_reason is None:
            problems.append(
                f"statement {self.sid!r} has wildcard resources {list(self.wildcards)}; "
                "narrow them or give wildcard_reason"
            )
        if problems:
            raise ValueError("; ".join(problems))

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The resources that hold a `*`."""
        return tuple(resource for resource in self.resources if "*" in resource)

    def to_json(self) -> dict[str, object]:
        """The statement as IAM writes it."""
        document: dict[str, object] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        if self.conditions:
            document["Condition"] = self.conditions
        return document


Document = Mapping[str, object]


def service_trust(service: str, *, account: str | None, source_arn: str | None = None) -> Document:
    """What lets an AWS service assume a role, for resources of one account only: see `ServiceRole`."""
    sources = {"aws:SourceAccount": account, "aws:SourceArn": source_arn}
    trust: dict[str, object] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if guards := {key: value for key, value in sources.items() if value is not None}:
        trust["Condition"] = {"StringEquals": guards}
    return trust


class Role:
    """A role whose trust policy is given statement by statement: for people, and for systems outside AWS.

    When to use: where no AWS service assumes the role; `ServiceRole` otherwise.

    Args:
        scope: where the role is created.
        construct_id: its id there.
        trust: the statements of its trust policy.
        description: shown in the IAM console.
        statements: what it may do; more can follow with `allow`.
        path: the path of its name, such as `/mlp/demand-forecast/`; `/` when not given.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        trust: Sequence[Document],
        description: str,
        statements: Sequence[Statement] = (),
        path: str | None = None,
    ) -> None:
        self._statements = list(statements)
        self.resource = iam.CfnRole(
            scope,
            construct_id,
            assume_role_policy_document={"Version": "2012-10-17", "Statement": list(trust)},
            description=description,
            path=path,
            policies=self._policies() if self._statements else None,
        )
        self._accept_wildcards(self._statements)

    @cached_property
    def arn(self) -> str:
        """The role's ARN, by reference."""
        arn: str = self.resource.attr_arn
        return arn

    @property
    def statements(self) -> tuple[Statement, ...]:
        """What the role may do, in the order in which it was allowed."""
        return tuple(self._statements)

    def allow(self, *statements: Statement) -> None:
        """Add statements. One whose sid is known extends that one by the resources it does not have yet.

        Raises:
            ValueError: a statement with the same sid allows other actions or has other conditions.
        """
        changed = [statement for statement in statements if self._add(statement)]
        if changed:
            self.resource.policies = self._policies()
            self._accept_wildcards(changed)

    def _add(self, statement: Statement) -> bool:
        """Add or merge one statement; False when it allows nothing new."""
        for index, known in enumerate(self._statements):
            if known.sid == statement.sid:
                self._statements[index] = _merged(known, statement)
                return self._statements[index] != known
        self._statements.append(statement)
        return True

    def _policies(self) -> list[IResolvable | iam.CfnRole.PolicyProperty]:
        document = {
            "Version": "2012-10-17",
            "Statement": [statement.to_json() for statement in self._statements],
        }
        return [iam.CfnRole.PolicyProperty(policy_name="Permissions", policy_document=document)]

    def _accept_wildcards(self, statements: Sequence[Statement]) -> None:
        reasons = {
            wildcard: statement.wildcard_reason or "" for statement in statements for wildcard in statement.wildcards
        }
        if not reasons:
            return
        names = finding_names(self.resource, list(reasons))
        accept(
            self.resource,
            {
                f"AwsSolutions-IAM5[Resource::{name}]": reason
                for name, reason in zip(names, reasons.values(), strict=True)
            },
        )


class ServiceRole(Role):
    """A role that one AWS service assumes, for resources of one account only.

    When to use: for every role that a service assumes, so that each one is guarded against the confused deputy
    (IAM user guide, "The confused deputy problem"): the trust policy demands `aws:SourceAccount`.

    Args:
        scope: where the role is created.
        construct_id: its id there.
        service: who assumes it, such as `sagemaker.amazonaws.com`.
        account: the account on whose behalf the service may act; None only for services that do not send
            `aws:SourceAccount` when they assume a role (Lambda).
        source_arn: the resource on whose behalf the service may act, for services that send `aws:SourceArn`, too.
        description: shown in the IAM console.
        statements: what it may do; more can follow with `allow`.
        path: the path of its name; `/` when not given.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        account: str | None,
        description: str,
        source_arn: str | None = None,
        statements: Sequence[Statement] = (),
        path: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            trust=[service_trust(service, account=account, source_arn=source_arn)],
            description=description,
            statements=statements,
            path=path,
        )


def _merged(known: Statement, more: Statement) -> Statement:
    if (tuple(known.actions), known.conditions) != (tuple(more.actions), more.conditions):
        raise ValueError(
            f"statement {known.sid!r} exists with other actions or conditions; give the new one another sid"
        )
    new = [resource for resource in more.resources if resource not in known.resources]
    return Statement(
        sid=known.sid,
        actions=known.actions,
        resources=[*known.resources, *new],
        conditions=known.conditions,
        wildcard_reason=known.wildcard_reason if known.wildcard_reason is not None else more.wildcard_reason,
    )
