"""The SDK at the embedded AWS: a session with a bucket of its own, and the pieces its documentation's examples share."""

from __future__ import annotations

import hashlib
import json
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import WaiterError
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import OutputDataConfig
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow import Pipeline, ProcessingStep
from sagemaker.mlops.workflow.pipeline import PipelineExecution
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode

from tests.conformance.sdk import IMAGE, MACHINE, REGION, processing_output, shell

ROLE = "arn:aws:iam::123456789012:role/job"
CONFIG = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
POLL_SECONDS, ATTEMPTS = 0.2, 1500


@dataclass(frozen=True)
class Finished:
    """An execution that has ended, as the SDK's own calls describe it."""

    execution: PipelineExecution
    status: str
    steps: dict[str, dict[str, Any]]

    @property
    def statuses(self) -> dict[str, str]:
        return {name: step["StepStatus"] for name, step in self.steps.items()}

    @property
    def reasons(self) -> dict[str, str]:
        """Why steps failed, and the execution itself under its ARN."""
        told = {name: step["FailureReason"] for name, step in self.steps.items() if "FailureReason" in step}
        return {**told, self.execution.arn: self.execution.describe().get("FailureReason", "")}

    def metadata(self, step: str) -> dict[str, Any]:
        """What a step made: the only member of its Metadata."""
        (found,) = self.steps[step]["Metadata"].values()
        return dict(found)


@dataclass
class Online:
    """A bucket and a session. `name` is a prefix for everything that needs one."""

    name: str
    session: Any
    pipelines: list[Pipeline] = field(default_factory=list)

    @classmethod
    def create(cls, test: str) -> Online:
        name = f"sdk-{hashlib.sha256(test.encode()).hexdigest()[:12]}"
        boto_session = boto3.Session(region_name=REGION)
        boto_session.client("s3").create_bucket(Bucket=name)
        session = PipelineSession(boto_session=boto_session, default_bucket=name, sagemaker_config=CONFIG)
        return cls(name, session)

    @property
    def bucket(self) -> str:
        return self.name

    @property
    def sagemaker(self) -> Any:
        return self.session.sagemaker_client

    def client(self, service: str) -> Any:
        return self.session.boto_session.client(service)

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def put(self, key: str, content: str | bytes) -> str:
        body = content.encode() if isinstance(content, str) else content
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.uri(key)

    def get(self, uri: str) -> str:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body.decode()

    def report(self, name: str, document: object, **options: Any) -> ProcessingStep:
        """A step that leaves a JSON document as property file `report`."""
        script = f"echo '{json.dumps(document)}' > /opt/ml/processing/output/report.json"
        output = processing_output("output", "/opt/ml/processing/output", self.uri(f"reports/{name}"))
        return ProcessingStep(
            name,
            step_args=shell(self.session, ROLE, script).run(outputs=[output]),
            property_files=[PropertyFile("report", "output", "report.json")],
            **options,
        )

    def say(self, name: str, script: str = "true", **options: Any) -> ProcessingStep:
        """A step that runs a line of shell."""
        return ProcessingStep(name, step_args=shell(self.session, ROLE, script).run(), **options)

    def script_processor(self) -> ScriptProcessor:
        return ScriptProcessor(
            image_uri=IMAGE, command=["python3"], role=ROLE, sagemaker_session=self.session, **MACHINE
        )

    def trainer(self, directory: Path, script: str, **options: Any) -> ModelTrainer:
        """A trainer of a script, written as `train.py` into a directory."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "train.py").write_text(textwrap.dedent(script))
        return ModelTrainer(
            training_image=IMAGE,
            role=ROLE,
            base_job_name=self.name,
            source_code=SourceCode(source_dir=str(directory), entry_script="train.py"),
            compute=Compute(**MACHINE),
            output_data_config=OutputDataConfig(s3_output_path=self.uri("models")),
            sagemaker_session=self.session,
            **options,
        )

    def model(self, data: Any, **options: Any) -> ModelBuilder:
        return ModelBuilder(
            image_uri=IMAGE, s3_model_data_url=data, role_arn=ROLE, sagemaker_session=self.session, **options
        )

    def pipeline(self, *steps: Any, parameters: Any = (), suffix: str = "") -> Pipeline:
        """The pipeline, created or updated in the engine by the SDK's `upsert`."""
        made = Pipeline(
            f"{self.name}{suffix}", parameters=list(parameters), steps=list(steps), sagemaker_session=self.session
        )
        made.upsert(role_arn=ROLE)
        return made

    def run(self, *steps: Any, parameters: Any = (), given: dict[str, Any] | None = None) -> Finished:
        """Create the pipeline, start it with the values given and wait for its end, all by the SDK."""
        return self.finish(self.pipeline(*steps, parameters=parameters).start(parameters=given))

    def finish(self, execution: PipelineExecution) -> Finished:
        try:
            execution.wait(delay=POLL_SECONDS, max_attempts=ATTEMPTS)
        except WaiterError:
            assert execution.describe()["PipelineExecutionStatus"] == "Failed"
        steps = {step["StepName"]: step for step in execution.list_steps()}
        return Finished(execution, execution.describe()["PipelineExecutionStatus"], steps)
