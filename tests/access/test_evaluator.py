"""The evaluator itself: each rule of IAM's that it carries out, by an example of the IAM user guide's kind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access.conditions import hold
from tests.access.evaluator import Principal, Resource, decide

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:role/a"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    ("operator", "policy", "given", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "a*", "abc", True),
        ("StringLike", "a?", "abc", False),
        ("StringNotLike", "a*", "abc", False),
        ("ArnLike", "arn:aws:iam::1:role/x/*", "arn:aws:iam::1:role/x/y", True),
        ("ArnLike", "arn:aws:s3:*", "arn:aws:s3:::bucket", False),
        ("ArnNotEquals", "arn:aws:kms:r:1:key/a", None, True),
        ("Bool", "true", "True", True),
        ("Bool", "true", None, False),
        ("BoolIfExists", "false", None, True),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericLessThanEquals", "10", None, False),
        ("NumericGreaterThanIfExists", "10", None, True),
        ("NumericGreaterThanIfExists", "10", "9", False),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Null", "false", "x", True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a"], ["c", "a"], True),
        ("ForAnyValue:StringEquals", ["a"], None, False),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], False),
        ("ForAnyValue:StringNotEquals", ["a"], None, False),
    ],
)
def test_an_operator_holds_as_iam_says(operator: str, policy: Any, given: Any, expected: bool) -> None:
    context = {} if given is None else {"some:key": given}
    assert hold({operator: {"Some:Key": policy}}, context) is expected


@pytest.mark.parametrize("block", [{"DateLessThan": {"a": "2026"}}, {"StringEquals": {"a": "${aws:username}"}}])
def test_what_is_not_evaluated_is_not_passed_over(block: dict[str, dict[str, str]]) -> None:
    with pytest.raises(NotImplementedError):
        hold(block, {"a": "x"})


def policy(effect: str, action: str, resource: str | None = "*", **more: Any) -> dict[str, Any]:
    statement = {"Sid": "S", "Effect": effect, "Action": action, **more}
    return {"Statement": [statement if resource is None else {**statement, "Resource": resource}]}


def role(*policies: dict[str, Any], boundary: dict[str, Any] | None = None) -> Principal:
    return Principal(arn=ARN, account=ACCOUNT, policies=policies, boundary=boundary)


BUCKET = Resource(arn="arn:aws:s3:::b/x")


@pytest.mark.parametrize(
    ("principal", "resource_policy", "expected"),
    [
        (role(), None, False),
        (role(policy("Allow", "s3:Get*")), None, True),
        (role(policy("Allow", "S3:getobject")), None, True),
        (role(policy("Allow", "s3:GetObject", "arn:aws:s3:::c/*")), None, False),
        (role(policy("Allow", "s3:*"), policy("Deny", "s3:GetObject")), None, False),
        (role(policy("Allow", "s3:*"), boundary=policy("Allow", "s3:PutObject")), None, False),
        (role(policy("Allow", "s3:*"), boundary=policy("Allow", "s3:*")), None, True),
        (role(boundary=policy("Allow", "s3:*")), None, False),
        (role(), policy("Allow", "s3:*", Principal={"AWS": ARN}), True),
        (role(boundary=policy("Allow", "kms:*")), policy("Allow", "s3:*", Principal={"AWS": ARN}), False),
        (role(), policy("Allow", "s3:*", Principal={"AWS": ROOT}), False),
        (role(), policy("Allow", "s3:*", Principal="*"), True),
        (role(policy("Allow", "s3:*")), policy("Deny", "s3:*", Principal={"AWS": "*"}), False),
        (role(policy("Allow", "s3:*")), policy("Deny", "s3:*", Principal={"AWS": f"{ARN}b"}), True),
    ],
)
def test_policies_of_the_role_the_boundary_and_the_resource_count_together(
    principal: Principal, resource_policy: dict[str, Any] | None, expected: bool
) -> None:
    resource = Resource(arn=BUCKET.arn, policy=resource_policy)
    assert decide(principal, "s3:GetObject", resource).allowed is expected


def test_a_key_is_closed_even_to_its_account_unless_its_own_policy_lets_iam_decide() -> None:
    principal = role(policy("Allow", "kms:*"))
    key = "arn:aws:kms:us-east-1:123456789012:key/x"
    opened = policy("Allow", "kms:*", Principal={"AWS": ROOT})
    assert not decide(
        principal, "kms:Decrypt", Resource(arn=key, policy=policy("Allow", "kms:*", Principal={"AWS": "b"}))
    )
    assert decide(principal, "kms:Decrypt", Resource(arn=key, policy=opened))
    assert not decide(role(), "kms:Decrypt", Resource(arn=key, policy=opened))


def test_tags_of_role_and_resource_are_condition_keys() -> None:
    own = policy("Allow", "sagemaker:Stop*", Condition={"StringEquals": {"aws:ResourceTag/Project": "a"}})
    assert decide(role(own), "sagemaker:StopTrainingJob", Resource(arn="arn:x", tags={"project": "a"}))
    assert not decide(role(own), "sagemaker:StopTrainingJob", Resource(arn="arn:x"))
