"""ProjectExperiments: the MLflow app of one project, for what its jobs and people log themselves."""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlplatform.policy import ServiceRole, Statement
from mlplatform.project import MlProject

ARTIFACTS = "mlflow"
_NAMED_BY_MLFLOW = "MLflow names artifacts at run time, below this prefix of the project's own bucket"


class ProjectExperiments(Construct):
    """An MLflow app of a project's own: `mlflow.autolog()` in its jobs logs there, and nobody of another project reads it.

    When to use: once for each project whose jobs log to MLflow, before its pipelines are declared; `ProjectStack` does. Every
    pipeline that is declared after it carries its `MlflowConfig`.

    An app of its own, since IAM knows nothing smaller: `sagemaker:CallMlflowAppApi` is one permission for the whole API of an app,
    by its ARN (Service Authorization Reference, "Amazon SageMaker"), and the finer `sagemaker-mlflow:*` actions know tracking servers,
    not experiments. An app that nobody uses has no server and costs nothing but its artifacts, which are in the project's bucket.

    Parameters:
        scope: usually the project, so that its boundary holds the app's role.
        project: whose jobs and people use it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, project: MlProject) -> None:
        super().__init__(scope, construct_id)
        bucket_arn = f"arn:{project.partition}:s3:::{project.artifact_bucket_name}"
        role = ServiceRole(
            self,
            "AppRole",
            service="sagemaker.amazonaws.com",
            account=None,  # As for the store's app: AWS documents the trust of this role without conditions.
            description=f"The MLflow app of {project.name}: reads and writes artifacts",
            statements=[
                Statement(sid="FindArtifacts", actions=["s3:ListBucket"], resources=[bucket_arn]),
                Statement(
                    sid="KeepArtifacts",
                    actions=["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
                    resources=[f"{bucket_arn}/{ARTIFACTS}/*"],
                    wildcard_reason=_NAMED_BY_MLFLOW,
                ),
                Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[project.key_arn]),
            ],
        )
        app = sagemaker.CfnMlflowApp(
            self,
            "App",
            name=f"mlp-{project.name}",
            artifact_store_uri=project.artifact_uri(ARTIFACTS),
            role_arn=role.arn,
            model_registration_mode="AutoModelRegistrationDisabled",  # The pipelines register what passes their rule.
        )
        app.apply_removal_policy(project.removal_policy)
        self.app_arn: str = app.attr_arn
        """What `mlflow.set_tracking_uri` takes, with the plugin sagemaker-mlflow."""
        project.log_experiments_to(self.app_arn)
        project.allow_inference_to_write(ARTIFACTS)
