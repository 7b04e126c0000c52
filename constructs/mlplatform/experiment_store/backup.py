"""Backups of the run records with AWS Backup: copies that whoever may write the bucket cannot change."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_backup as backup
from constructs import Construct

from mlplatform.policy import ServiceRole, Statement

_EVERY_NIGHT = "cron(0 2 * * ? *)"
_OBJECTS = "records are objects named after their content"


class RecordsBackup(Construct):
    """A vault, and a plan that copies the bucket into it every night at 02:00 UTC.

    What the role may do is what AWS Backup asks for (developer guide, "Amazon S3 backups", "Permissions and policies for Amazon S3
    backup and restore"), on this bucket alone. It costs what AWS Backup takes for S3: by the GB and month, and by the object.

    Parameters:
        bucket_name: versioned, and telling EventBridge, as AWS Backup needs it.
        keep_days: how long a backup is kept.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        bucket_name: str,
        key_arn: str,
        keep_days: int,
        partition: str,
        account: str,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        vault = backup.CfnBackupVault(self, "Vault", backup_vault_name=name, encryption_key_arn=key_arn)
        vault.apply_removal_policy(removal_policy)
        plan = backup.CfnBackupPlan(
            self,
            "Plan",
            backup_plan={
                "backupPlanName": name,
                "backupPlanRule": [
                    {
                        "ruleName": "every-night",
                        "targetBackupVault": vault.ref,
                        "scheduleExpression": _EVERY_NIGHT,
                        "lifecycle": {"deleteAfterDays": keep_days},
                    }
                ],
            },
        )
        bucket_arn = f"arn:{partition}:s3:::{bucket_name}"
        role = ServiceRole(
            self,
            "Role",
            service="backup.amazonaws.com",
            account=account,
            description=f"Backs up the run records of {name}",
            statements=_statements(bucket_arn, key_arn=key_arn, partition=partition, account=account),
        )
        backup.CfnBackupSelection(
            self,
            "Selection",
            backup_plan_id=plan.ref,
            backup_selection={"selectionName": name, "iamRoleArn": role.arn, "resources": [bucket_arn]},
        )


def _statements(bucket_arn: str, *, key_arn: str, partition: str, account: str) -> list[Statement]:
    return [
        Statement(
            sid="ReadTheBucket",
            actions=[
                *("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketNotification", "s3:GetBucketTagging"),
                *("s3:GetBucketVersioning", "s3:GetInventoryConfiguration", "s3:ListBucket", "s3:ListBucketVersions"),
                *("s3:PutBucketNotification", "s3:PutInventoryConfiguration"),
            ],
            resources=[bucket_arn],
        ),
        Statement(
            sid="ReadRecords",
            actions=[
                *("s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging"),
                *("s3:GetObjectVersion", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"),
            ],
            resources=[f"{bucket_arn}/*"],
            wildcard_reason=_OBJECTS,
        ),
        Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:DescribeKey"], resources=[key_arn]),
        Statement(
            sid="FollowChanges",
            actions=[
                *("events:DeleteRule", "events:DescribeRule", "events:DisableRule", "events:EnableRule"),
                *("events:ListTargetsByRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"),
            ],
            resources=[f"arn:{partition}:events:*:{account}:rule/AwsBackupManagedRule*"],
            wildcard_reason="AWS Backup names its rules itself",
        ),
        Statement(
            sid="LookAround",
            actions=["cloudwatch:GetMetricData", "events:ListRules"],
            resources=["*"],
            wildcard_reason="these actions know no resources (service authorization reference)",
        ),
    ]
