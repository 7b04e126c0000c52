"""A synthetic account: executions with their steps, jobs and models, in the embedded SageMaker, and the events of it all.

Inputs, outputs, code and images are really there, in emulators of S3 and ECR, so that they can be pinned. Nothing of it has code
of a user.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from mllocal.sagemaker.kinds import (
    EXECUTION,
    HYPER_PARAMETER_TUNING_JOB,
    MODEL,
    MODEL_PACKAGE_GROUP,
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    Kind,
)
from mllocal.sagemaker.store import Document
from tests.unit.experiment_store.embedded_sagemaker import SCOPE, EmbeddedSageMaker
from tests.unit.experiment_store.nightly import ROLE, TAGS
from tests.unit.experiment_store.sagemaker_state_changes import Event
from tests.unit.servers import ACCOUNT, REGION

REPOSITORY = "sklearn"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}:1.9"
EVENTS_OF_A_UNIT = 19
_EXECUTION_EVENT = "SageMaker Model Building Pipeline Execution Status Change"
_STEP_EVENT = "SageMaker Model Building Pipeline Execution Step Status Change"


def data_bucket(s3: Any, name: str) -> str:
    """Where the jobs read and write."""
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def push_image(ecr: Any) -> None:
    """The image of all jobs."""
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName=REPOSITORY)
        ecr.put_image(repositoryName=REPOSITORY, imageManifest=json.dumps(manifest), imageTag="1.9")


def fill(accounts: Sequence[Account], units: int) -> None:
    """Make so many executions in each account, with all that they do."""
    for account in accounts:
        account.prepare(units)
    began = time.time() + 2
    time.sleep(3)  # Inputs are there before the jobs start, outputs come after.
    for account in accounts:
        account.live(units, began)


@dataclass
class Account:
    """An account with the jobs, pipelines and models called `name`, which read and write `bucket`.

    `arns` are what has to be recorded, with the state that it has at the end; `events` everything that SageMaker told, in order.
    """

    sagemaker: EmbeddedSageMaker
    s3: Any
    bucket: str
    name: str
    arns: dict[str, str] = field(default_factory=dict)
    _began: float = 0
    _pipeline_arn: str = ""

    @property
    def events(self) -> list[Event]:
        return self.sagemaker.events

    def prepare(self, units: int) -> None:
        """What is there before the first job."""
        source = {"train.py": b"print(1)\n", "requirements.txt": b"pandas==2.3.3\n"}
        self._put("code/source.tar.gz", _archive(source))
        for unit in range(units):
            self._put(f"raw/{unit}/part.csv", b"x,y\n1,2\n3,4\n")
        group = {"LastVersion": 0, "Tags": TAGS, "CreationTime": time.time()}
        self.sagemaker.put(MODEL_PACKAGE_GROUP, self.name, group)
        self._pipeline_arn = self.sagemaker.create_pipeline(f"{self.name}-training", ROLE, TAGS)

    def live(self, units: int, began: float) -> None:
        """Each unit is one execution; all of them began at once."""
        self._began = began
        for unit in range(units):
            self._put(f"model/{self._called('train', unit)}/output/model.tar.gz", b"model" * (unit + 1))
            self._put(f"predictions/{unit}/part.csv.out", b"1.5\n")
            self._put(f"features/{unit}/train.csv", b"x,y\n1,2\n")
            self._unit(unit)

    def _unit(self, unit: int) -> None:
        execution = f"{self._pipeline_arn}/execution/{unit:012}"
        steps: dict[str, Document] = {}
        document = {
            **self._times(0, 60),
            "PipelineExecutionArn": execution,
            "PipelineArn": self._pipeline_arn,
            "StartTime": self._began,
            "Parameters": {"rows": unit},
            "Steps": steps,
            "Tags": TAGS,
        }
        self.sagemaker.put(
            EXECUTION, execution.partition(":pipeline/")[2], {**document, "PipelineExecutionStatus": "Succeeded"}
        )
        self.arns[execution] = "Succeeded"
        self._tell_execution(execution, "Executing", 0)
        tags = [*TAGS, {"Key": "sagemaker:pipeline-execution-arn", "Value": execution}]
        prepared = self._job(PROCESSING_JOB, self._called("prepare", unit), tags, self._processing(unit))
        self._step(execution, steps, "Prepare", {"ProcessingJob": {"Arn": prepared}}, 1)
        trained = self._job(
            TRAINING_JOB, self._called("train", unit), tags, self._training(unit), ("Starting", "Training")
        )
        self._step(execution, steps, "Train", {"TrainingJob": {"Arn": trained}}, 10)
        package = self._register(execution, unit)
        self._step(execution, steps, "Register", {"RegisterModel": {"Arn": package}}, 20)
        self.sagemaker.change(execution, Steps=steps)
        self._job(TRANSFORM_JOB, self._called("predict", unit), TAGS, self._transform(unit, package))
        self._job(HYPER_PARAMETER_TUNING_JOB, self._called("tune", unit), TAGS, self._tuning(unit))
        self._tell_execution(execution, "Succeeded", 60)

    def _job(
        self, kind: Kind, name: str, tags: list[dict[str, str]], document: Document, secondary: tuple[str, ...] = ("",)
    ) -> str:
        """A job that ran from 2 to 40 seconds, and its events; its ARN."""
        status, stem = str(kind.status_field), kind.name.removesuffix("Job")
        started = {f"{stem}StartTime": self._began + 2} if kind is not HYPER_PARAMETER_TUNING_JOB else {}
        running = {**document, **self._times(0, 2), "Tags": tags, status: "InProgress"}
        made = self.sagemaker.put(kind, name, running)
        arn: str = made[kind.arn_field]
        for number, word in enumerate(secondary):
            told = {**made, **self._times(0, 2 + number), **started, **({"SecondaryStatus": word} if word else {})}
            self.sagemaker.tell(kind, told)
        ended = {**started, f"{stem}EndTime": self._began + 40, **self._times(0, 40), status: "Completed"}
        self.sagemaker.tell(kind, self.sagemaker.change(arn, **ended))
        self.arns[arn] = "Completed"
        return arn

    def _step(self, execution: str, steps: dict[str, Document], name: str, metadata: Document, second: int) -> None:
        start, end = self._began + second, self._began + second + 5
        steps[name] = {
            "StepName": name,
            "StepStatus": "Succeeded",
            "StartTime": start,
            "EndTime": end,
            "Metadata": metadata,
        }
        about: Document = {"pipelineArn": self._pipeline_arn, "pipelineExecutionArn": execution, "stepName": name}
        about |= {"metadata": metadata, "stepStartTime": start * 1000}
        self._emit(_STEP_EVENT, {**about, "currentStepStatus": "Executing"}, second)
        self._emit(_STEP_EVENT, {**about, "currentStepStatus": "Succeeded", "stepEndTime": end * 1000}, second + 5)
        self.arns[f"{execution}/step/{name}"] = "Succeeded"

    def _tell_execution(self, execution: str, status: str, second: int) -> None:
        detail = {
            "pipelineArn": self._pipeline_arn,
            "pipelineExecutionArn": execution,
            "currentPipelineExecutionStatus": status,
            "executionStartTime": self._began * 1000,
        }
        self._emit(_EXECUTION_EVENT, detail, second)

    def _register(self, execution: str, unit: int) -> str:
        """A model version, approved; both are events."""
        uri = f"s3://{self.bucket}/model/{self._called('train', unit)}/output/model.tar.gz"
        arn: str = self.sagemaker.service.invoke(
            "CreateModelPackage",
            SCOPE,
            {
                "ModelPackageGroupName": self.name,
                "MetadataProperties": {"GeneratedBy": execution},
                "InferenceSpecification": {
                    "Containers": [{"Image": IMAGE, "ModelDataUrl": uri}],
                    "SupportedContentTypes": ["text/csv"],
                    "SupportedResponseMIMETypes": ["text/csv"],
                },
            },
        )["ModelPackageArn"]
        time.sleep(0.002)  # Approved in another millisecond.
        self.sagemaker.service.invoke(
            "UpdateModelPackage", SCOPE, {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}
        )
        self.arns[arn] = "Completed"
        return arn

    def _processing(self, unit: int) -> Document:
        return {
            "RoleArn": ROLE,
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "prepare.py", "--seed", "7"]},
            "ProcessingResources": {"ClusterConfig": _MACHINES},
            "ProcessingInputs": [
                _processing_input("code", self._uri("code/source.tar.gz")),
                _processing_input("raw", self._uri(f"raw/{unit}")),
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "train",
                        "S3Output": {
                            "S3Uri": self._uri(f"features/{unit}"),
                            "LocalPath": "/opt/ml/processing/train",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
        }

    def _training(self, unit: int) -> Document:
        return {
            **self._estimator(unit),
            "HyperParameters": {**self._script(), "max_iter": str(unit), "random_state": "7"},
            "BillableTimeInSeconds": 38,
            "ModelArtifacts": {
                "S3ModelArtifacts": self._uri(f"model/{self._called('train', unit)}/output/model.tar.gz")
            },
            "FinalMetricDataList": [{"MetricName": "rmse", "Value": 10.0 + unit, "Timestamp": self._began + 39}],
        }

    def _tuning(self, unit: int) -> Document:
        definition = {**self._estimator(unit), "StaticHyperParameters": {**self._script(), "loss": "poisson"}}
        return {
            "HyperParameterTuningJobConfig": {"Strategy": "Random", "RandomSeed": unit},
            "TrainingJobDefinition": definition,
            "BestTrainingJob": {
                "TrainingJobName": self._called("train", unit),
                "TunedHyperParameters": {"max_iter": "3"},
                "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "rmse", "Value": 9.5},
            },
        }

    def _estimator(self, unit: int) -> Document:
        source = {"S3DataType": "S3Prefix", "S3Uri": self._uri(f"raw/{unit}")}
        return {
            "RoleArn": ROLE,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": self._uri("model")},
            "ResourceConfig": _MACHINES,
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        }

    def _script(self) -> dict[str, str]:
        submitted = json.dumps(self._uri("code/source.tar.gz"))
        return {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": submitted}

    def _transform(self, unit: int, package: str) -> Document:
        name = self._called("model", unit)
        container = {"ModelPackageName": package}
        model = {"CreationTime": self._began, "PrimaryContainer": container, "ExecutionRoleArn": ROLE}
        self.sagemaker.put(MODEL, name, model)
        source = {"S3DataType": "S3Prefix", "S3Uri": self._uri(f"raw/{unit}")}
        return {
            "ModelName": name,
            "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
            "TransformOutput": {"S3OutputPath": self._uri(f"predictions/{unit}")},
            "TransformResources": _MACHINES,
        }

    def _emit(self, detail_type: str, detail: Document, second: int) -> None:
        self.sagemaker.emit(detail_type, detail, at=self._began + second)

    def _times(self, created: float, modified: float) -> Document:
        return {"CreationTime": self._began + created, "LastModifiedTime": self._began + modified, "CreatedBy": {}}

    def _called(self, what: str, unit: int) -> str:
        return f"{self.name}-{what}-{unit}"

    def _uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def _put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)


_MACHINES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}


def _processing_input(name: str, uri: str) -> Document:
    source = {"S3Uri": uri, "S3DataType": "S3Prefix", "S3InputMode": "File", "LocalPath": f"/opt/ml/processing/{name}"}
    return {"InputName": name, "S3Input": source}


def _archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
