"""Key policies: IAM decides who uses a key; CloudWatch Logs may encrypt this account's log groups."""

from __future__ import annotations

from collections.abc import Sequence


def key_policy(
    *, partition: str, region: str, account: str, project: str | None = None, publishers: Sequence[str] = ()
) -> dict[str, object]:
    """The policy of every key of the platform.

    `kms:*` for the account's root is what lets IAM policies grant the key at all, and what keeps it administrable (KMS
    developer guide, "Default key policy"). The key of a `project` lets IAM decide only about identities that carry the tag
    `project` with its name or no such tag: a role of another project cannot use it, whatever its own policy says, and
    the platform's untagged administrators and deployments still can. `publishers` are services that write encrypted
    messages on behalf of this account. The statement on log groups is from the CloudWatch Logs user guide, "Encrypt log
    data in CloudWatch Logs using AWS Key Management Service".
    """
    log_groups = f"arn:{partition}:logs:{region}:{account}:log-group:*"
    let_iam_decide: dict[str, object] = {
        "Sid": "LetIamDecide",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    if project is not None:
        let_iam_decide["Condition"] = {"StringEqualsIfExists": {"aws:PrincipalTag/project": project}}
    encrypt_log_groups: dict[str, object] = {
        "Sid": "EncryptLogGroups",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": [
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
    }
    publish: dict[str, object] = {
        "Sid": "EncryptMessages",
        "Effect": "Allow",
        "Principal": {"Service": list(publishers)},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    statements = [let_iam_decide, encrypt_log_groups, *([publish] if publishers else [])]
    return {"Version": "2012-10-17", "Statement": statements}
