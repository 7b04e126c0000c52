"""SDK 2 at the embedded AWS: what `online.py` is for SDK 3, as far as its tests need it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import WaiterError
from sagemaker.processing import Processor
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession

ROLE = "arn:aws:iam::123456789012:role/job"
REGION = "us-east-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
MACHINE = {"instance_count": 1, "instance_type": "ml.m5.large"}
NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
POLL_SECONDS, ATTEMPTS = 0.2, 1500


@dataclass(frozen=True)
class Finished:
    """An execution that has ended, as the SDK's own calls describe it."""

    execution: Any
    status: str
    steps: dict[str, dict[str, Any]]

    @property
    def reasons(self) -> dict[str, str]:
        """Why steps failed, by name."""
        return {name: step["FailureReason"] for name, step in self.steps.items() if "FailureReason" in step}

    def made(self, step: str) -> dict[str, Any]:
        """What a step made: the only member of its Metadata."""
        (found,) = self.steps[step]["Metadata"].values()
        return dict(found)


@dataclass(frozen=True)
class OnlineSdk2:
    """A session with a bucket of its own; both have the name."""

    name: str
    session: Any

    @classmethod
    def create(cls, test: str) -> OnlineSdk2:
        name = f"sdk2-{hashlib.sha256(test.encode()).hexdigest()[:12]}"
        boto_session = boto3.Session(region_name=REGION)
        boto_session.client("s3").create_bucket(Bucket=name)
        session = PipelineSession(boto_session=boto_session, default_bucket=name, sagemaker_config=NO_TELEMETRY)
        return cls(name, session)

    def client(self, service: str) -> Any:
        return self.session.boto_session.client(service)

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, content: str | bytes) -> str:
        body = content.encode() if isinstance(content, str) else content
        self.client("s3").put_object(Bucket=self.name, Key=key, Body=body)
        return self.uri(key)

    def get(self, key: str) -> str:
        body: bytes = self.client("s3").get_object(Bucket=self.name, Key=key)["Body"].read()
        return body.decode()

    def shell(self, script: str, **options: Any) -> Processor:
        """A processor that runs a line of shell."""
        entrypoint = ["sh", "-c", script]
        return Processor(
            role=ROLE, image_uri=IMAGE, entrypoint=entrypoint, sagemaker_session=self.session, **MACHINE, **options
        )

    def pipeline(self, *steps: Any, parameters: Any = ()) -> Pipeline:
        """The pipeline, created by the SDK."""
        made = Pipeline(self.name, parameters=list(parameters), steps=list(steps), sagemaker_session=self.session)
        made.upsert(role_arn=ROLE)
        return made

    def finish(self, execution: Any) -> Finished:
        with suppress(WaiterError):  # it failed
            execution.wait(delay=POLL_SECONDS, max_attempts=ATTEMPTS)
        steps = {step["StepName"]: step for step in execution.list_steps()}
        return Finished(execution, execution.describe()["PipelineExecutionStatus"], steps)

    def run(self, *steps: Any, parameters: Any = (), given: dict[str, Any] | None = None) -> Finished:
        return self.finish(self.pipeline(*steps, parameters=parameters).start(parameters=given))
