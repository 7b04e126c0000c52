"""What the tests of the embedded AWS do again and again: put objects, define small steps, run pipelines, read logs."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from dataclasses import dataclass
from typing import Any

import mllocal
from mlpipelines import (
    Pipeline,
    ProcessingInput,
    ProcessingOutput,
    ProcessingStep,
    PropertyFile,
    Step,
)

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/job"
WAIT_SECONDS = 120


def shell_step(name: str, script: str, **options: Any) -> ProcessingStep:
    """A processing step that runs a line of shell."""
    return ProcessingStep(
        name=name,
        image_uri=IMAGE,
        role_arn=ROLE,
        instance_type="ml.m5.large",
        entrypoint=("sh", "-c", script),
        **options,
    )


@dataclass
class Workbench:
    """A bucket of its own on the shared engine."""

    engine: mllocal.Engine
    bucket: str
    _count: int = 0

    @classmethod
    def create(cls, engine: mllocal.Engine, name: str) -> Workbench:
        bucket = f"test-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        engine.client("s3").create_bucket(Bucket=bucket)
        return cls(engine, bucket)

    @property
    def sagemaker(self) -> Any:
        return self.engine.client("sagemaker")

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def put(self, key: str, content: str | bytes) -> str:
        body = content.encode() if isinstance(content, str) else content
        self.engine.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.uri(key)

    def put_archive(self, key: str, files: dict[str, str | bytes]) -> str:
        """A tar.gz of files, as model data or as a source directory."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, content in files.items():
                data = content.encode() if isinstance(content, str) else content
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return self.put(key, buffer.getvalue())

    def get(self, key: str) -> str:
        body: bytes = self.engine.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body.decode()

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.engine.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def input(self, key: str, local_path: str) -> ProcessingInput:
        return ProcessingInput(name="input", s3_uri=self.uri(key), local_path=local_path)

    def output(self, key: str, name: str = "output") -> ProcessingOutput:
        return ProcessingOutput(name=name, local_path="/opt/ml/processing/output", s3_uri=self.uri(key))

    def json_step(self, name: str, document: object, **options: Any) -> ProcessingStep:
        """A step that leaves a JSON document as property file `report`."""
        return shell_step(
            name,
            f"echo '{json.dumps(document)}' > /opt/ml/processing/output/report.json",
            outputs=(self.output(f"reports/{name}"),),
            property_files=(PropertyFile(name="report", output_name="output", path="report.json"),),
            **options,
        )

    def put_alarm(self, name: str) -> None:
        """An alarm that is raised when the metric `drift` in the namespace of its name is over 0.2."""
        self.engine.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace=name,
            MetricName="drift",
            Statistic="Maximum",
            ComparisonOperator="GreaterThanThreshold",
            Threshold=0.2,
            Period=60,
            EvaluationPeriods=1,
        )

    def create_pipeline(self, *steps: Step, parameters: Any = (), name: str | None = None) -> str:
        self._count += 1
        name = name or f"{self.bucket}-{self._count}"
        pipeline = Pipeline(name=name, steps=steps, parameters=parameters)
        self.sagemaker.create_pipeline(
            PipelineName=name,
            PipelineDefinition=pipeline.render(),
            RoleArn=ROLE,
            ClientRequestToken=hashlib.sha256(name.encode()).hexdigest(),
        )
        return name

    def start(self, pipeline_name: str, **parameters: str) -> str:
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        started = self.sagemaker.start_pipeline_execution(PipelineName=pipeline_name, PipelineParameters=given)
        arn: str = started["PipelineExecutionArn"]
        return arn

    def run(self, *steps: Step, parameters: Any = (), **values: str) -> Execution:
        """Create a pipeline of steps, start it and wait for its end."""
        return self.wait(self.start(self.create_pipeline(*steps, parameters=parameters), **values))

    def wait(self, execution_arn: str) -> Execution:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            execution = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
            if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
                steps = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution_arn)
                by_name = {step["StepName"]: step for step in steps["PipelineExecutionSteps"]}
                return Execution(execution_arn, execution["PipelineExecutionStatus"], by_name, execution)
            time.sleep(0.05)
        raise TimeoutError(f"{execution_arn} did not end within {WAIT_SECONDS} seconds")

    def wait_for_job(self, kind: str, name: str) -> dict[str, Any]:
        """The Describe answer of a job that has ended; `kind` is processing, training or transform."""
        describe = getattr(self.sagemaker, f"describe_{kind}_job")
        title = kind.capitalize()
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            job: dict[str, Any] = describe(**{f"{title}JobName": name})
            if job[f"{title}JobStatus"] not in ("InProgress", "Stopping"):
                return job
            time.sleep(0.05)
        raise TimeoutError(f"{name} did not end within {WAIT_SECONDS} seconds")

    def log_lines(self, kind: str, job_name: str) -> list[str]:
        logs = self.engine.client("logs")
        group = f"/aws/sagemaker/{kind}"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job_name}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]


@dataclass(frozen=True)
class Execution:
    """An execution that has ended."""

    arn: str
    status: str
    steps: dict[str, dict[str, Any]]
    description: dict[str, Any]

    @property
    def statuses(self) -> dict[str, str]:
        return {name: step["StepStatus"] for name, step in self.steps.items()}

    def reason(self, step: str) -> str:
        reason: str = self.steps[step]["FailureReason"]
        return reason
