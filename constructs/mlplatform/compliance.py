"""Accept findings of cdk-nag, checkov and cfn-lint on one resource, with the reason beside the resource.

The compliance tests hold everything synthesized to zero findings; `accept` is the one way to make an
exception:

    accept(log_bucket, {"CKV_AWS_18": "it receives the access logs; logging its own access would never end"})

The rule's name says which tool it belongs to. Wildcards in IAM policies are accepted where they are written:
see `mlplatform.policy.Statement.wildcard_reason`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aws_cdk import Acknowledgment, CfnResource, Validations

_CDK_NAG = re.compile(r"[A-Z][A-Za-z]+-[A-Za-z]+\d+(\[.+\])?")
_CHECKOV = re.compile(r"CKV2?_[A-Z]+_\d+")
_CFN_LINT = re.compile(r"[EWI]\d{4}")


def accept(resource: CfnResource, reasons: Mapping[str, str]) -> None:
    """Accept the findings named by the keys of `reasons` on `resource`, and record why.

    Keys are `AwsSolutions-S1` or, for rules that report one finding per part,
    `AwsSolutions-IAM5[Resource::*]` (cdk-nag); `CKV_AWS_18` (checkov); `W3005` (cfn-lint). Values are
    sentences.

    Raises:
        ValueError: a key belongs to none of the three tools, or a reason is empty. All problems are named.
    """
    problems = [
        f"the reason for {rule} is empty; say why the finding is acceptable"
        for rule in reasons
        if not reasons[rule].strip()
    ]
    problems += [
        f"{rule!r} is no rule of cdk-nag ('AwsSolutions-S1'), checkov ('CKV_AWS_18') or cfn-lint ('W3005')"
        for rule in reasons
        if not any(tool.fullmatch(rule) for tool in (_CDK_NAG, _CHECKOV, _CFN_LINT))
    ]
    if problems:
        raise ValueError("; ".join(problems))

    if nag := {rule: reason for rule, reason in reasons.items() if _CDK_NAG.fullmatch(rule)}:
        Validations.of(resource).acknowledge(*(Acknowledgment(id=rule, reason=reason) for rule, reason in nag.items()))
    if checkov := [{"id": rule, "comment": reason} for rule, reason in reasons.items() if _CHECKOV.fullmatch(rule)]:
        resource.add_metadata("checkov", {"skip": checkov})
    if cfn_lint := {rule: reason for rule, reason in reasons.items() if _CFN_LINT.fullmatch(rule)}:
        # cfn-lint has no place for a reason, so it stands beside.
        resource.add_metadata("cfn-lint", {"config": {"ignore_checks": list(cfn_lint)}})
        resource.add_metadata("cfn-lint-reasons", cfn_lint)
