"""What IAM decides about a request within one account: identity policies, boundary and the resource's policy together.

Source: IAM user guide, "Policy evaluation for requests within a single account"; KMS developer guide, "Key policies".
Why this is written here, and what it was held against: docs/adr/0008-policy-evaluator.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.access.conditions import Context, hold, matches

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A role in use: its ARN, its tags, its own policies and its boundary."""

    arn: str
    account: str
    tags: Mapping[str, str] = field(default_factory=dict)
    policies: Sequence[Document] = ()
    boundary: Document | None = None
    trust: Document | None = None

    @property
    def context(self) -> dict[str, str]:
        """The condition keys that a request of this role has by itself."""
        tags = {f"aws:principaltag/{key.lower()}": value for key, value in self.tags.items()}
        return {
            "aws:principalarn": self.arn,
            "aws:principalaccount": self.account,
            "aws:securetransport": "true",
            **tags,
        }


@dataclass(frozen=True, kw_only=True)
class Resource:
    """What is asked for: its ARN, its tags, and its own policy if it has one."""

    arn: str
    tags: Mapping[str, str] = field(default_factory=dict)
    policy: Document | None = None

    @property
    def context(self) -> dict[str, str]:
        return {f"aws:resourcetag/{key.lower()}": value for key, value in self.tags.items()}


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed, and by or against what."""

    allowed: bool
    reason: str

    def __bool__(self) -> bool:
        return self.allowed


def decide(principal: Principal, action: str, resource: Resource, context: Context | None = None) -> Decision:
    """Decide one request. `context` adds the condition keys that the action itself brings."""
    given = {} if context is None else {key.lower(): value for key, value in context.items()}
    keys = {**principal.context, **resource.context, **given}
    request = _Request(action, resource.arn, keys)

    own = [statement for policy in principal.policies for statement in _statements(policy)]
    bounds = [] if principal.boundary is None else _statements(principal.boundary)
    attached = [] if resource.policy is None else _statements(resource.policy)
    named = [statement for statement in attached if _names(statement, principal)]
    for origin, statements in (
        ("a policy of the role", own),
        ("the boundary", bounds),
        ("the resource's policy", named),
    ):
        if denial := next(request.matching(statements, "Deny"), None):
            return Decision(False, f"denied by {origin}: {denial.get('Sid')}")

    by_boundary = principal.boundary is None or any(request.matching(bounds, "Allow"))
    by_role = any(request.matching(own, "Allow"))
    direct = [it for it in request.matching(named, "Allow") if not _is_root(it, principal)]
    delegated = [it for it in request.matching(named, "Allow") if _is_root(it, principal)]
    if direct and (by_boundary or _is_everybody(direct[0])):
        return Decision(True, f"allowed by the resource's policy: {direct[0].get('Sid')}")
    if not by_role:
        return Decision(False, "no policy of the role allows it")
    if not by_boundary:
        return Decision(False, "the boundary does not allow it")
    if _needs_own_policy(action) and not delegated:
        return Decision(False, "the resource's own policy does not let IAM decide")
    return Decision(True, "allowed by a policy of the role")


def _needs_own_policy(action: str) -> bool:
    """Keys and roles are closed to their own account unless their own policy opens them."""
    return action.startswith(("kms:", "sts:AssumeRole"))


@dataclass(frozen=True)
class _Request:
    action: str
    resource: str
    context: Context

    def matching(self, statements: Sequence[Document], effect: str) -> Iterator[Document]:
        return (statement for statement in statements if statement["Effect"] == effect and self._matches(statement))

    def _matches(self, statement: Document) -> bool:
        return (
            _named_or_not(statement, "Action", _is_one_of_actions, self.action)
            and _named_or_not(statement, "Resource", _is_one_of, self.resource)
            and hold(statement.get("Condition", {}), self.context)
        )


def _named_or_not(
    statement: Document, element: str, matched: Callable[[tuple[str, ...], str], bool], value: str
) -> bool:
    if element in statement:
        return matched(tuple(_list(statement[element])), value)
    negated = statement.get(f"Not{element}")
    if negated is None:
        return element == "Resource"  # Trust policies name none.
    return not matched(tuple(_list(negated)), value)


# Millions of requests ask the same of few lists.
@cache
def _is_one_of_actions(patterns: tuple[str, ...], action: str) -> bool:
    return any(matches(pattern.lower(), action.lower()) for pattern in patterns)


@cache
def _is_one_of(patterns: tuple[str, ...], value: str) -> bool:
    return any(matches(pattern, value) for pattern in patterns)


def _names(statement: Document, principal: Principal) -> bool:
    if "NotPrincipal" in statement:
        raise NotImplementedError("NotPrincipal is not evaluated")
    return _is_everybody(statement) or principal.arn in _aws(statement) or _is_root(statement, principal)


def _aws(statement: Document) -> list[str]:
    given = statement.get("Principal", {})
    return ["*"] if given == "*" else _list(given.get("AWS", []))


def _is_everybody(statement: Document) -> bool:
    return "*" in _aws(statement)


def _is_root(statement: Document, principal: Principal) -> bool:
    return any(it == principal.account or it.endswith(f"::{principal.account}:root") for it in _aws(statement))


def _statements(document: Document) -> list[Document]:
    return _list(document["Statement"])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
