"""Accept findings of cdk-nag, checkov and cfn-lint on one resource, with the reason beside the resource.

The compliance tests hold everything synthesized to zero findings; `accept` is the one way to make an
exception:

    accept(log_bucket, {"CKV_AWS_18": "it receives the access logs; logging its own access would never end"})

The rule's name says which tool it belongs to. Wildcards in IAM policies are accepted where they are written:
see `mlplatform.policy.Statement.wildcard_reason`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aws_cdk import Acknowledgment, CfnResource, Validations

_CDK_NAG = re.compile(r"[A-Z][A-Za-z]+-[A-Za-z]+\d+(\[.+\])?")
_CHECKOV = re.compile(r"CKV2?_[A-Z]+_\d+")
_CFN_LINT = re.compile(r"[EWI]\d{4}")

_TOKEN = re.compile(r"\$\{Token\[[^\]]+\]\}")
# Tokens are unique within a process, so that each is resolved once: roles of a project name the same buckets.
_token_names: dict[str, str] = {}


def accept(resource: CfnResource, reasons: Mapping[str, str]) -> None:
    """Accept the findings named by the keys of `reasons` on `resource`, and record why.

    Name all rules of checkov and cfn-lint in one call for a resource: a second call replaces those of the first.
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


def finding_names(scope: CfnResource, values: Sequence[str]) -> list[str]:
    """Write strings that hold tokens as cdk-nag writes them in its findings: `arn:aws:s3:::<Bucket>/*`."""
    tokens = sorted({token for value in values for token in _TOKEN.findall(value)} - _token_names.keys())
    if tokens:
        resolved = scope.stack.resolve(tokens)
        _token_names.update(zip(tokens, map(_flat, resolved), strict=True))
    return [_TOKEN.sub(lambda token: _token_names[token[0]], value) for value in values]


def _flat(reference: object) -> str:
    match reference:
        case str():
            return reference
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": str(name)}:
            return name
        case {"Fn::Join": [str(delimiter), list(parts)]}:
            return delimiter.join(_flat(part) for part in parts)
        case _:
            raise ValueError(
                f"cannot name {reference!r} in a finding of cdk-nag; use Ref, Fn::GetAtt, Fn::ImportValue or Fn::Join"
            )
