"""The functions of the experiment store, and what each may do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from constructs import Construct

import mlrecords
from mlpipelines.instance_types import INSTANCE_TYPES
from mlplatform.experiment_store.work_queues import FUNCTION_SECONDS, WorkQueue
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.policy import Statement

_RUNTIME = Path(__file__).parent / "runtime"
_LIBRARIES = (Path(mlrecords.__file__).parent,)
_OF_EVERY_PROJECT = "the store captures the runs of every project, whose names are made at run time"
_BY_DIGEST = "records are objects named after their content, or after the run"
_DESCRIBED = {
    "DescribeEndpointConfig": "endpoint-config/*",
    "DescribeModel": "model/*",
    "DescribeModelPackage": "model-package/*",
    "DescribePipeline": "pipeline/*",
    "DescribePipelineExecution": "pipeline/*",
    "DescribeTrainingJob": "training-job/*",
    "ListPipelineParametersForExecution": "pipeline/*",
}
_RECONCILED = {
    "DescribeEndpoint": "endpoint/*",
    "DescribeHyperParameterTuningJob": "hyper-parameter-tuning-job/*",
    "DescribeModelPackage": "model-package/*",
    "DescribePipelineExecution": "pipeline/*",
    "DescribeProcessingJob": "processing-job/*",
    "DescribeTrainingJob": "training-job/*",
    "DescribeTransformJob": "transform-job/*",
    "ListPipelineExecutions": "pipeline/*",
    "ListPipelineExecutionSteps": "pipeline/*",
}
_LISTED = (
    *("ListEndpoints", "ListHyperParameterTuningJobs", "ListModelPackages", "ListPipelines"),
    *("ListProcessingJobs", "ListTrainingJobs", "ListTransformJobs"),
)
_LONGEST_SECONDS = 900
_TAGGED = (
    *("training-job", "processing-job", "transform-job", "hyper-parameter-tuning-job"),
    *("pipeline", "model-package-group", "endpoint"),
)


def _prices() -> str:
    """List prices that the platform knows, for the cost of a run."""
    known = {name: kind.usd_per_hour for name, kind in INSTANCE_TYPES.items() if kind.usd_per_hour is not None}
    return json.dumps(known, separators=(",", ":"))


class StoreFunctions:
    """Makes the functions of one store, as children of `scope`."""

    def __init__(
        self,
        scope: Construct,
        *,
        name: str,
        key_arn: str,
        records_bucket_name: str,
        partition: str,
        region: str,
        account: str,
        log_retention_days: int,
    ) -> None:
        self._scope, self._name, self._key_arn, self._log_retention_days = scope, name, key_arn, log_retention_days
        self._bucket_name, self._bucket_arn = records_bucket_name, f"arn:{partition}:s3:::{records_bucket_name}"
        self._partition, self._region, self._account = partition, region, account
        self._sagemaker_arn, self._kms_arn = (
            f"arn:{partition}:{service}:{region}:{account}" for service in ("sagemaker", "kms")
        )

    def capture(self, work: WorkQueue, projected: WorkQueue) -> RuntimeFunction:
        """Writes records."""
        return self._function(
            "Capture",
            description="Writes the records of runs, from events",
            environment={"PROJECTION_QUEUE_URL": projected.queue.ref, "USD_PER_HOUR": _prices()},
            statements=[
                self._find_records(),
                self._objects("ReadRuns", ["s3:GetObject"], "runs/*", "environments/*"),
                self._objects("WriteRecords", ["s3:PutObject"], "runs/*", "records/*", "blobs/*", "rows/*"),
                self._ask("ReadTags", "sagemaker:ListTags", *(f"{kind}/*" for kind in _TAGGED)),
                *(self._ask(action, f"sagemaker:{action}", resource) for action, resource in _DESCRIBED.items()),
                work.receiving(),
                projected.sending(),
                *self._look_up(),
            ],
        )

    def projection(self, work: WorkQueue, captured: WorkQueue, *, app_arn: str) -> RuntimeFunction:
        """Shows records in MLflow."""
        return self._function(
            "Projection",
            description="Shows the records of runs in MLflow",
            environment={"CAPTURE_QUEUE_URL": captured.queue.ref, "MLFLOW_APP_ARN": app_arn},
            statements=[
                self._find_records(),
                self._objects("ReadRuns", ["s3:GetObject"], "runs/*"),
                self._ask("ReadWhatJobsLogged", "sagemaker:CallMlflowAppApi", "mlflow-app/*"),
                work.receiving(),
                captured.sending(),
            ],
        )

    def reconciliation(self, captured: WorkQueue) -> RuntimeFunction:
        """Sends what events missed to the queue of the capture."""
        return self._function(
            "Reconciliation",
            description="Finds runs whose events were lost",
            environment={"CAPTURE_QUEUE_URL": captured.queue.ref},
            failures="the next hour goes on where it stopped, and an alarm tells when messages are given up",
            timeout_seconds=_LONGEST_SECONDS,
            statements=[
                self._find_records(),
                self._objects("ReadRuns", ["s3:GetObject"], "runs/*"),
                Statement(
                    sid="KeepItsPlace",
                    actions=["s3:GetObject", "s3:PutObject"],
                    resources=[f"{self._bucket_arn}/reconciliation/state.json"],
                ),
                self._objects("PutRowsTogether", ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"), "rows/*"),
                Statement(
                    sid="List",
                    actions=[f"sagemaker:{action}" for action in _LISTED],
                    resources=["*"],
                    wildcard_reason="these actions know no resources (service authorization reference, Amazon SageMaker)",
                ),
                *(self._ask(action, f"sagemaker:{action}", resource) for action, resource in _RECONCILED.items()),
                captured.sending(),
            ],
        )

    def _function(
        self,
        construct_id: str,
        *,
        description: str,
        environment: dict[str, str],
        statements: list[Statement],
        failures: str = "its queue delivers failed messages again, and in the end to the dead-letter queue",
        timeout_seconds: int = FUNCTION_SECONDS,
    ) -> RuntimeFunction:
        use_key = Statement(sid="UseTheKey", actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self._key_arn])
        module = construct_id.lower()
        return RuntimeFunction(
            self._scope,
            construct_id,
            name=f"{self._name}-{module}",
            description=description,
            code=_RUNTIME / "capture",
            libraries=_LIBRARIES,
            handler=f"capture.{module}.handler",
            key_arn=self._key_arn,
            log_retention_days=self._log_retention_days,
            failures=failures,
            environment={"RECORDS_BUCKET": self._bucket_name, **environment},
            statements=[*statements, use_key],
            timeout_seconds=timeout_seconds,
            memory_mb=512,
        )

    def _look_up(self) -> list[Statement]:
        """What pins are made with: versions and content of data wherever jobs of the account read and write, images, code."""
        in_account = {"StringEquals": {"aws:ResourceAccount": self._account}}
        return [
            Statement(
                sid="ListData",
                actions=["s3:ListBucketVersions"],
                resources=[f"arn:{self._partition}:s3:::*"],
                conditions=in_account,
                wildcard_reason=_OF_EVERY_PROJECT,
            ),
            Statement(
                sid="ReadData",
                actions=["s3:GetObject", "s3:GetObjectVersion"],
                resources=[f"arn:{self._partition}:s3:::*/*"],
                conditions=in_account,
                wildcard_reason=_OF_EVERY_PROJECT,
            ),
            Statement(
                sid="DecryptData",
                actions=["kms:Decrypt"],
                resources=[f"{self._kms_arn}:key/*"],
                conditions={"StringEquals": {"kms:ViaService": f"s3.{self._region}.amazonaws.com"}},
                wildcard_reason="the data of each project has a key of its own",
            ),
            Statement(
                sid="ReadImages",
                actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                resources=[f"arn:{self._partition}:ecr:*:*:repository/*"],
                wildcard_reason="images of jobs come from repositories of projects and of AWS's own accounts",
            ),
        ]

    def _find_records(self) -> Statement:
        # Without it, S3 answers AccessDenied for a run that is not there yet.
        return Statement(sid="FindRecords", actions=["s3:ListBucket"], resources=[self._bucket_arn])

    def _objects(self, sid: str, actions: Sequence[str], *patterns: str) -> Statement:
        resources = [f"{self._bucket_arn}/{pattern}" for pattern in patterns]
        return Statement(sid=sid, actions=actions, resources=resources, wildcard_reason=_BY_DIGEST)

    def _ask(self, sid: str, action: str, *patterns: str) -> Statement:
        resources = [f"{self._sagemaker_arn}:{pattern}" for pattern in patterns]
        return Statement(sid=sid, actions=[action], resources=resources, wildcard_reason=_OF_EVERY_PROJECT)
