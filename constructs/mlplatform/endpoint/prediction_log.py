"""Where logged predictions go: a stream that gathers lines and writes them into the project's bucket."""

from __future__ import annotations

from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlplatform.policy import Role, Statement
from mlplatform.project import MlProject
from mlplatform.project.buckets import PREDICTION_LOG

_GATHER_SECONDS = 300
_GATHER_MB = 64
"""Whichever comes first: at 100 lines of 1 KB a second, an object of 30 MB every five minutes."""
_ERRORS = "DestinationDelivery"


class PredictionLogStream(Construct):
    """An Amazon Data Firehose stream from the function of an HTTP API into `logs/predictions/<endpoint>/` of the artifact bucket.

    It costs nothing at rest, and 0.029 USD for a GB of lines, each counted as a multiple of 5 KB (Amazon Data Firehose pricing,
    us-east-1). Lines wait in it, under the project's key, for five minutes at most.

    Parameters:
        project: whose bucket, key and log retention it has.
        endpoint_name: the stream is called `<endpoint>-predictions`.

    Source: Amazon Data Firehose developer guide, "Grant Firehose access to an Amazon S3 destination".
    """

    def __init__(self, scope: Construct, construct_id: str, *, project: MlProject, endpoint_name: str) -> None:
        super().__init__(scope, construct_id)
        self.stream_name: str = f"{endpoint_name}-predictions"
        self.uri: str = project.artifact_uri(f"{PREDICTION_LOG}/{endpoint_name}")
        """Below it, by year, month, day and hour."""
        self._arn = project.scope.arn("firehose", f"deliverystream/{self.stream_name}")
        log_group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=f"/aws/kinesisfirehose/{self.stream_name}",
            retention_in_days=project.log_retention_days,
            kms_key_id=project.key_arn,
        )
        errors = logs.CfnLogStream(self, "Errors", log_group_name=log_group.ref, log_stream_name=_ERRORS)
        role = _role(self, project, endpoint_name, log_group.attr_arn)
        firehose.CfnDeliveryStream(
            self,
            "Resource",
            delivery_stream_name=self.stream_name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input={
                "keyType": "CUSTOMER_MANAGED_CMK",
                "keyArn": project.key_arn,
            },
            extended_s3_destination_configuration={
                "bucketArn": project.scope.artifact_bucket_arn,
                "prefix": f"{PREDICTION_LOG}/{endpoint_name}/",
                "fileExtension": ".jsonl",
                "roleArn": role.arn,
                "bufferingHints": {"intervalInSeconds": _GATHER_SECONDS, "sizeInMBs": _GATHER_MB},
                "encryptionConfiguration": {"kmsEncryptionConfig": {"awskmsKeyArn": project.key_arn}},
                "cloudWatchLoggingOptions": {
                    "enabled": True,
                    "logGroupName": log_group.ref,
                    "logStreamName": errors.ref,
                },
            },
        )

    def put_lines(self) -> Statement:
        """What the function needs."""
        return Statement(sid="LogPredictions", actions=["firehose:PutRecord"], resources=[self._arn])


def _role(scope: Construct, project: MlProject, endpoint_name: str, log_group_arn: str) -> Role:
    """Firehose's role: it writes below the endpoint's prefix. Firehose names the account as external id when it takes a role."""
    bucket = project.scope.artifact_bucket_arn
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "firehose.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": project.account}},
    }
    return Role(
        scope,
        "Role",
        trust=[trust],
        description=f"Writes the logged predictions of the endpoint {endpoint_name}",
        statements=[
            Statement(
                sid="WriteBelowItsPrefix",
                actions=["s3:AbortMultipartUpload", "s3:PutObject"],
                resources=[f"{bucket}/{PREDICTION_LOG}/{endpoint_name}/*"],
                wildcard_reason="Firehose names objects at run time, under the prefix of this endpoint",
            ),
            Statement(
                sid="FindTheBucket",
                actions=["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                resources=[bucket],
            ),
            Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
            Statement(sid="WriteOwnLog", actions=["logs:PutLogEvents"], resources=[log_group_arn]),
        ],
    )
