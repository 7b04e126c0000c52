"""ProjectExperiments: the MLflow app of one project, for what its jobs and people log themselves."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mlplatform.athena import query_statements
from mlplatform.experiment_store.mlflow import ARTIFACTS, mlflow
from mlplatform.experiment_store.search_table import DATABASE, RESULTS_PREFIX, TABLE, WORKGROUP
from mlplatform.policy import Statement
from mlplatform.project import MlProject
from mlrecords.sending import DETAIL_TYPE, SOURCE

RECORDS_PARAMETER = "mlplatform/experiments/records-bucket"


@dataclass(frozen=True, kw_only=True)
class RecordsPlace:
    """Where the run records of the account are, and the key that encrypts them."""

    bucket_name: str
    key_arn: str


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
        records: where the run records of the account are. The project's people may find, read and query the runs of every project, which
            is what makes them reproducible by others, and tell of their own by `mlplatform.track` and `mlp runs note`; nobody
            changes a record. When not given, they may do none of it.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, project: MlProject, records: RecordsPlace | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        app = mlflow(
            self,
            name=f"mlp-{project.name}",
            description=f"The MLflow app of {project.name}: reads and writes artifacts",
            bucket_name=project.artifact_bucket_name,
            key_arn=project.key_arn,
            partition=project.partition,
            removal_policy=project.removal_policy,
        )
        self.app_arn = app.arn
        """What `mlflow.set_tracking_uri` takes, with the plugin sagemaker-mlflow."""
        project.log_experiments_to(self.app_arn)
        project.allow_inference_to_write(ARTIFACTS)
        self.parameter_name = f"/mlplatform/projects/{project.name}/mlflow"
        """The parameter that tells scripts the app; `mlplatform.track` reads it."""
        ssm.CfnParameter(
            self,
            "AppParameter",
            type="String",
            name=self.parameter_name,
            value=self.app_arn,
            description=f"The MLflow app of {project.name}, as mlflow.set_tracking_uri takes it",
        )
        if records is not None:
            project.data_scientist_role.allow(*_use(project, records, self.parameter_name))


def _use(project: MlProject, records: RecordsPlace, parameter_name: str) -> list[Statement]:
    """Find the store and read it, keep content under its digest if it is not there, and say what is known of a run."""
    place = f"{project.region}:{project.account}"
    names = (RECORDS_PARAMETER, parameter_name.removeprefix("/"))
    bucket_arn = f"arn:{project.partition}:s3:::{records.bucket_name}"
    return [
        Statement(sid="FindRuns", actions=["s3:GetBucketLocation", "s3:ListBucket"], resources=[bucket_arn]),
        Statement(
            sid="ReadFilesOfRuns",
            actions=["s3:GetObject"],
            resources=[f"{bucket_arn}/*"],
            wildcard_reason="whoever reproduces a run of another project reads its record, and what that names by digest",
        ),
        Statement(
            sid="FindTheStore",
            actions=["ssm:GetParameter"],
            resources=[f"arn:{project.partition}:ssm:{place}:parameter/{name}" for name in names],
        ),
        Statement(
            sid="KeepContent",
            actions=["s3:PutObject"],
            resources=[f"{bucket_arn}/blobs/*"],
            conditions={"Null": {"s3:if-none-match": "false"}},
            wildcard_reason="content is named after its digest, and what is there cannot be replaced",
        ),
        *query_statements(
            workgroup=WORKGROUP, database=DATABASE, tables=TABLE, place=place, partition=project.partition, of="Runs"
        ),
        Statement(
            sid="KeepResultsOfQueries",
            actions=["s3:AbortMultipartUpload", "s3:PutObject"],
            resources=[f"{bucket_arn}/{RESULTS_PREFIX}*"],
            wildcard_reason="Athena names the results of a query by its id, with the rights of who asks",
        ),
        Statement(sid="UseKeyOfRuns", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[records.key_arn]),
        Statement(
            sid="TellOfRuns",
            actions=["events:PutEvents"],
            resources=[f"arn:{project.partition}:events:{place}:event-bus/default"],
            conditions={"StringEquals": {"events:source": SOURCE, "events:detail-type": DETAIL_TYPE}},
        ),
    ]
