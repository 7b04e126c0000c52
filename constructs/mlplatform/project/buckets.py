"""The buckets of a project: TLS only, closed to the public, versioned, encrypted, with access logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlplatform.compliance import accept

_BLOCK_ALL = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}
_OWNER_ENFORCED = {"rules": [{"objectOwnership": "BucketOwnerEnforced"}]}
_VERSIONED = {"status": "Enabled"}
_ABORT_UPLOADS = {
    "id": "AbortIncompleteUploads",
    "status": "Enabled",
    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
}
_EVENTS = {"eventBridgeConfiguration": {"eventBridgeEnabled": True}}
ACCESS_LOG_DAYS = 365
SUPERSEDED = {
    "id": "ExpireSuperseded",
    "status": "Enabled",
    "tagFilters": [{"key": "superseded", "value": "true"}],
    "expirationInDays": 30,
}
"""Predictions of a run that was run again: PublishRun tags them once nothing names them any more."""
QUERY_RESULTS = {"id": "ExpireQueryResults", "status": "Enabled", "prefix": "athena-results/", "expirationInDays": 30}
"""What people's queries left."""
PREDICTION_LOG = "logs/predictions"
"""Below it, in the artifact bucket, are the requests that endpoints have logged. Pipelines and endpoints have a hyphen in their prefix."""


def expire_predictions(days: int) -> Mapping[str, object]:
    """Logged predictions go as the project's other logs do."""
    return {
        "id": "ExpireLoggedPredictions",
        "status": "Enabled",
        "prefix": f"{PREDICTION_LOG}/",
        "expirationInDays": days,
    }


def log_bucket(
    scope: Construct, construct_id: str, *, account: str, partition: str, project: str | None = None
) -> tuple[s3.CfnBucket, str]:
    """Create the bucket that receives access logs; returns it and its name. `project` is as for `project_bucket`.

    It is encrypted by S3, not by the project's key: log delivery does not write to buckets whose default
    encryption is SSE-KMS (S3 user guide, "Enabling Amazon S3 server access logging").
    """
    bucket = s3.CfnBucket(
        scope,
        construct_id,
        bucket_encryption={
            "serverSideEncryptionConfiguration": [{"serverSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
        },
        lifecycle_configuration={
            "rules": [
                _ABORT_UPLOADS,
                {
                    "id": "ExpireLogs",
                    "status": "Enabled",
                    "expirationInDays": ACCESS_LOG_DAYS,
                    "noncurrentVersionExpiration": {"noncurrentDays": 1},
                },
            ]
        },
        ownership_controls=_OWNER_ENFORCED,
        public_access_block_configuration=_BLOCK_ALL,
        versioning_configuration=_VERSIONED,
    )
    name: str = bucket.ref
    arn = f"arn:{partition}:s3:::{name}"
    deliver_logs: dict[str, object] = {
        "Sid": "DeliverAccessLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"{arn}/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    _policy(scope, f"{construct_id}Policy", name=name, arn=arn, project=project, statements=(deliver_logs,))
    accept(bucket, {"CKV_AWS_18": "it receives the access logs; logging its own deliveries would never end"})
    return bucket, name


def project_bucket(
    scope: Construct,
    construct_id: str,
    *,
    key_arn: str,
    log_bucket_name: str,
    keep_old_versions_days: int,
    partition: str,
    project: str | None = None,
    tells_event_bridge: bool = False,
    expiring: Sequence[Mapping[str, object]] = (),
) -> tuple[s3.CfnBucket, str]:
    """Create a versioned bucket under the project's key; returns it and its name.

    Old versions of an object go after `keep_old_versions_days`; the current one stays until somebody deletes
    it, or a rule of `expiring` lets it go. With `project`, the bucket itself refuses every identity that is tagged with
    another project. With `tells_event_bridge`, S3 publishes an event for each change of an object.
    """
    bucket = s3.CfnBucket(
        scope,
        construct_id,
        bucket_encryption={
            "serverSideEncryptionConfiguration": [
                {
                    "serverSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key_arn},
                    "bucketKeyEnabled": True,
                }
            ]
        },
        lifecycle_configuration={
            "rules": [
                _ABORT_UPLOADS,
                {
                    "id": "ExpireOldVersions",
                    "status": "Enabled",
                    "noncurrentVersionExpiration": {"noncurrentDays": keep_old_versions_days},
                },
                *expiring,
            ]
        },
        logging_configuration={"destinationBucketName": log_bucket_name, "logFilePrefix": f"{construct_id}/"},
        notification_configuration=_EVENTS if tells_event_bridge else None,
        ownership_controls=_OWNER_ENFORCED,
        public_access_block_configuration=_BLOCK_ALL,
        versioning_configuration=_VERSIONED,
    )
    name: str = bucket.ref
    _policy(scope, f"{construct_id}Policy", name=name, arn=f"arn:{partition}:s3:::{name}", project=project)
    return bucket, name


def _policy(
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    arn: str,
    project: str | None,
    statements: tuple[dict[str, object], ...] = (),
) -> None:
    refused: dict[str, dict[str, dict[str, str]]] = {"WithoutTls": {"Bool": {"aws:SecureTransport": "false"}}}
    if project is not None:
        # StringNotEquals also holds where the tag is missing, hence the Null: the platform's own identities have none.
        refused["OtherProjects"] = {
            "StringNotEquals": {"aws:PrincipalTag/project": project},
            "Null": {"aws:PrincipalTag/project": "false"},
        }
    denials = [
        {
            "Sid": f"Deny{who}",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": condition,
        }
        for who, condition in refused.items()
    ]
    s3.CfnBucketPolicy(
        scope,
        construct_id,
        bucket=name,
        policy_document={"Version": "2012-10-17", "Statement": [*denials, *statements]},
    )
