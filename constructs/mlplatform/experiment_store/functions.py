"""The functions of the experiment store, and what each may do."""

from __future__ import annotations

from pathlib import Path

from constructs import Construct

import mlrecords
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
    "DescribePipelineExecution": "pipeline/*",
    "DescribeTrainingJob": "training-job/*",
    "ListPipelineParametersForExecution": "pipeline/*",
}
_TAGGED = (
    *("training-job", "processing-job", "transform-job", "hyper-parameter-tuning-job"),
    *("pipeline", "model-package-group", "endpoint"),
)


class StoreFunctions:
    """Makes the functions of one store, as children of `scope`."""

    def __init__(
        self,
        scope: Construct,
        *,
        name: str,
        key_arn: str,
        records_bucket_name: str,
        sagemaker_arn: str,
        partition: str,
        log_retention_days: int,
    ) -> None:
        self._scope, self._name, self._key_arn, self._log_retention_days = scope, name, key_arn, log_retention_days
        self._bucket_name, self._bucket_arn = records_bucket_name, f"arn:{partition}:s3:::{records_bucket_name}"
        self._sagemaker_arn = sagemaker_arn

    def capture(self, work: WorkQueue, projected: WorkQueue) -> RuntimeFunction:
        """Writes records."""
        return self._function(
            "Capture",
            description="Writes the records of runs, from events",
            work=work,
            environment={"PROJECTION_QUEUE_URL": projected.queue.ref},
            statements=[
                self._find_records(),
                self._objects("ReadRuns", "s3:GetObject", "runs/*"),
                self._objects("WriteRecords", "s3:PutObject", "runs/*", "records/*"),
                self._ask("ReadTags", "sagemaker:ListTags", *(f"{kind}/*" for kind in _TAGGED)),
                *(self._ask(action, f"sagemaker:{action}", resource) for action, resource in _DESCRIBED.items()),
                projected.sending(),
            ],
        )

    def projection(self, work: WorkQueue, captured: WorkQueue, *, app_arn: str) -> RuntimeFunction:
        """Shows records in MLflow."""
        return self._function(
            "Projection",
            description="Shows the records of runs in MLflow",
            work=work,
            environment={"CAPTURE_QUEUE_URL": captured.queue.ref, "MLFLOW_APP_ARN": app_arn},
            statements=[
                self._find_records(),
                self._objects("ReadRuns", "s3:GetObject", "runs/*"),
                captured.sending(),
            ],
        )

    def _function(
        self,
        construct_id: str,
        *,
        description: str,
        work: WorkQueue,
        environment: dict[str, str],
        statements: list[Statement],
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
            failures="its queue delivers failed messages again, and in the end to the dead-letter queue",
            environment={"RECORDS_BUCKET": self._bucket_name, **environment},
            statements=[*statements, work.receiving(), use_key],
            timeout_seconds=FUNCTION_SECONDS,
            memory_mb=512,
        )

    def _find_records(self) -> Statement:
        # Without it, S3 answers AccessDenied for a run that is not there yet.
        return Statement(sid="FindRecords", actions=["s3:ListBucket"], resources=[self._bucket_arn])

    def _objects(self, sid: str, action: str, *patterns: str) -> Statement:
        resources = [f"{self._bucket_arn}/{pattern}" for pattern in patterns]
        return Statement(sid=sid, actions=[action], resources=resources, wildcard_reason=_BY_DIGEST)

    def _ask(self, sid: str, action: str, *patterns: str) -> Statement:
        resources = [f"{self._sagemaker_arn}:{pattern}" for pattern in patterns]
        return Statement(sid=sid, actions=[action], resources=resources, wildcard_reason=_OF_EVERY_PROJECT)
