"""MLflow of the experiment store: a serverless app, or a tracking server where its finer permissions are worth its price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_cdk import RemovalPolicy
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlplatform.policy import ServiceRole, Statement

ARTIFACTS = "mlflow"

_READ = (
    "GetExperiment",
    "GetExperimentByName",
    "GetMetricHistory",
    "GetRun",
    "ListArtifacts",
    "SearchExperiments",
    "SearchRuns",
)
_WRITE = ("CreateExperiment", "CreateRun", "LogBatch", "LogMetric", "LogParam", "SetTag", "UpdateRun")


@dataclass(frozen=True, kw_only=True)
class TrackingServer:
    """An MLflow tracking server in place of the serverless app.

    When to use: for permissions by action, such as roles that read and do not write, which an app does not have. It is billed by the hour
    as long as it runs, and is created in about 25 minutes.

    Attributes:
        size: `Small` for teams of up to 25 people, `Medium` up to 50, `Large` up to 100 (SageMaker AI developer guide, "Create a
            tracking server").
        mlflow_version: such as `3.0`; when not given, the newest that SageMaker offers at creation.
    """

    size: Literal["Small", "Medium", "Large"] = "Small"
    mlflow_version: str | None = None


@dataclass(frozen=True)
class Mlflow:
    """The app or server of a store. `resource` is its CloudFormation resource."""

    resource: sagemaker.CfnMlflowApp | sagemaker.CfnMlflowTrackingServer
    arn: str

    def use(self) -> Statement:
        """Read and write experiments and runs. A server keeps deleting apart; an app knows one permission for its whole API."""
        if isinstance(self.resource, sagemaker.CfnMlflowApp):
            actions = ["sagemaker:CallMlflowAppApi"]
        else:
            actions = [f"sagemaker-mlflow:{action}" for action in sorted((*_READ, *_WRITE))]
        return Statement(sid="UseMlflow", actions=actions, resources=[self.arn])


def mlflow(
    scope: Construct,
    *,
    name: str,
    description: str,
    bucket_name: str,
    key_arn: str,
    partition: str,
    removal_policy: RemovalPolicy,
    tracking_server: TrackingServer | None = None,
) -> Mlflow:
    """The serverless app, or the tracking server if one is asked for, with artifacts below `mlflow/` in a bucket of its owner.

    Neither registers models: the pipelines register what passes their rule.
    """
    role = _role(scope, description, f"arn:{partition}:s3:::{bucket_name}", key_arn)
    artifact_store_uri = f"s3://{bucket_name}/{ARTIFACTS}"
    if tracking_server is None:
        app = sagemaker.CfnMlflowApp(
            scope,
            "App",
            name=name,
            artifact_store_uri=artifact_store_uri,
            role_arn=role.arn,
            model_registration_mode="AutoModelRegistrationDisabled",
        )
        app.apply_removal_policy(removal_policy)
        return Mlflow(app, app.attr_arn)
    server = sagemaker.CfnMlflowTrackingServer(
        scope,
        "TrackingServer",
        tracking_server_name=name,
        tracking_server_size=tracking_server.size,
        mlflow_version=tracking_server.mlflow_version,
        artifact_store_uri=artifact_store_uri,
        role_arn=role.arn,
        automatic_model_registration=False,
    )
    server.apply_removal_policy(removal_policy)
    return Mlflow(server, server.attr_tracking_server_arn)


def _role(scope: Construct, description: str, bucket_arn: str, key_arn: str) -> ServiceRole:
    return ServiceRole(
        scope,
        "AppRole",
        service="sagemaker.amazonaws.com",
        # AWS documents the trust of this role without conditions (developer guide, "Set up IAM permissions for
        # MLflow Apps"); it does not say that an app sends aws:SourceAccount.
        account=None,
        description=description,
        statements=[
            Statement(sid="FindArtifacts", actions=["s3:ListBucket"], resources=[bucket_arn]),
            Statement(
                sid="KeepArtifacts",
                actions=["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
                resources=[f"{bucket_arn}/{ARTIFACTS}/*"],
                wildcard_reason="MLflow names artifacts at run time; the prefix is its own",
            ),
            Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key_arn]),
        ],
    )
