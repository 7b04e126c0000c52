"""Where random definitions run: a region of its own on the engine, with what their steps need, seen through boto3."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import botocore.config

import mllocal
from tests.local.workbench import ROLE

Json = Any
REGION = "eu-west-1"
BUCKET = "random-definitions"
GROUP = "random-definitions"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:123456789012:function:answer"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/random-definitions"
MOST_SECONDS = 90
HANDLER = """
def handler(event, context):
    if event["Fails"]:
        raise ValueError("asked to fail")
    return event["Returns"]
"""
DESCRIBE = {
    "ProcessingJob": ("describe_processing_job", "ProcessingJobName"),
    "Model": ("describe_model", "ModelName"),
    "RegisterModel": ("describe_model_package", "ModelPackageName"),
}


@dataclass(frozen=True)
class Seen:
    """An execution that has ended, as its client sees it; `described` has what Describe says of what each step made."""

    execution: Json
    steps: Mapping[str, Json]
    described: Mapping[str, Json]
    messages: Mapping[str, Json]

    @property
    def arn(self) -> str:
        """The execution's ARN."""
        return str(self.execution["PipelineExecutionArn"])

    @property
    def statuses(self) -> dict[str, str]:
        """The steps that ran and how they ended."""
        return {name: step["StepStatus"] for name, step in self.steps.items()}


@dataclass
class Laboratory:
    """Runs definitions, many at a time. Definitions are the same each time, so names are made here."""

    engine: mllocal.Engine
    messages: dict[tuple[str, str], Json] = field(default_factory=dict)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        # The service, not the client, is to refuse what is wrong.
        config = botocore.config.Config(
            parameter_validation=False, max_pool_connections=64, retries={"max_attempts": 0}
        )
        session = boto3.Session(self.engine.account, "embedded", region_name=REGION)
        self.sagemaker: Any = session.client("sagemaker", endpoint_url=self.engine.endpoint_url, config=config)

    def create(self, definition: str) -> str:
        """Create a pipeline of a definition's text; returns its name."""
        with self._lock:
            self._count += 1
            name = f"random-{self.engine.instance[:8]}-{self._count}"
        self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=definition, RoleArn=ROLE, ClientRequestToken=_token(name)
        )
        return name

    def start(self, name: str, parameters: Mapping[str, Any], most_parallel_steps: Any = None, number: int = 1) -> str:
        """Start an execution; returns its ARN."""
        most = {} if most_parallel_steps is None else {"MaxParallelExecutionSteps": most_parallel_steps}
        started = self.sagemaker.start_pipeline_execution(
            PipelineName=name,
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
            ClientRequestToken=_token(f"{name}-{number}"),
            **({"ParallelismConfiguration": most} if most else {}),
        )
        return str(started["PipelineExecutionArn"])

    def wait(self, arn: str) -> Seen:
        """What there is to see of an execution when it has ended. Raises `TimeoutError`."""
        deadline = time.monotonic() + MOST_SECONDS
        while True:
            execution = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{arn} did not end in {MOST_SECONDS} seconds; its steps are {self._steps(arn)}")
            time.sleep(0.1)
        steps = self._steps(arn)
        return Seen(
            execution,
            steps,
            {name: self._describe(step.get("Metadata", {})) for name, step in steps.items()},
            {step: message for (execution_arn, step), message in list(self.messages.items()) if execution_arn == arn},
        )

    def _steps(self, arn: str) -> dict[str, Json]:
        pages = self.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn)
        return {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}

    def _describe(self, metadata: Json) -> Json:
        for kind, (describe, member) in DESCRIBE.items():
            if kind in metadata:
                arn = metadata[kind]["Arn"]
                return getattr(self.sagemaker, describe)(**{member: arn if "package" in arn else arn.rsplit("/")[-1]})
        return {}

    def log(self) -> str:
        """What the engine has logged."""
        return Path(self.engine.state_directory, "engine.log").read_text()

    def answer_callbacks(self, stopping: threading.Event) -> None:
        """Answer each message as its arguments ask for."""
        sqs = replace(self.engine, region=REGION).client("sqs")
        while not stopping.is_set():
            for message in sqs.receive_message(QueueUrl=QUEUE_URL, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
                self._answer(json.loads(message["Body"]))
            stopping.wait(0.05)

    def _answer(self, message: Json) -> None:
        arguments, token = message["arguments"], message["token"]
        self.messages[message["pipelineExecutionArn"], message["stepName"]] = arguments
        returns = arguments.get("Returns") if isinstance(arguments, dict) else None
        if not isinstance(returns, dict) or arguments.get("Fails") is not False:
            self.sagemaker.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="asked to fail")
            return
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in returns.items()}
        outputs = [{"Name": name, "Value": value} for name, value in texts.items()]
        self.sagemaker.send_pipeline_execution_step_success(CallbackToken=token, OutputParameters=outputs)


@contextmanager
def laboratory_on(engine: mllocal.Engine) -> Iterator[Laboratory]:
    """A laboratory on a running engine; its queue is answered until the end."""
    here = replace(engine, region=REGION)
    here.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    here.client("sqs").create_queue(QueueName=QUEUE_URL.rsplit("/", 1)[-1])
    here.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", HANDLER)
    here.client("lambda").create_function(
        FunctionName=FUNCTION_ARN.rsplit(":", 1)[-1],
        Runtime="python3.13",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": code.getvalue()},
    )
    laboratory = Laboratory(engine)
    stopping = threading.Event()
    answering = threading.Thread(target=laboratory.answer_callbacks, args=(stopping,))
    answering.start()
    try:
        yield laboratory
    finally:
        stopping.set()
        answering.join()


def _token(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
