"""Key policies: IAM decides who uses a key; CloudWatch Logs may encrypt this account's log groups."""

from __future__ import annotations


def key_policy(*, partition: str, region: str, account: str) -> dict[str, object]:
    """The policy of every key of the platform.

    `kms:*` for the account's root is what lets IAM policies grant the key at all, and what keeps it
    administrable (KMS developer guide, "Default key policy"). The second statement is from the CloudWatch
    Logs user guide, "Encrypt log data in CloudWatch Logs using AWS Key Management Service".
    """
    log_groups = f"arn:{partition}:logs:{region}:{account}:log-group:*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LetIamDecide",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
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
            },
        ],
    }
