"""The model of an analysis: AWS's container asks a temporary endpoint of it, this one a transform job of the embedded AWS.

Source of the settings: "Analysis Configuration Files", SageMaker Developer Guide, `predictor`.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import dataclass

import boto3
import pandas

from .answers import Answers
from .contract import JOB, AnalysisError, Document

MODEL_NAME_VARIABLE = "predictor_model_name"
"""Where a ClarifyCheck step gives the model's name, which its analysis configuration does not have."""

_TYPES = ("text/csv", "application/jsonlines")
_POLL_SECONDS = 0.2
_REFUSED = {
    "endpoint_name": "the embedded AWS has no endpoints; give model_name",
    "target_model": "the embedded AWS serves models of one container",
    "record_template": "give content_type application/jsonlines and content_template",
}


@dataclass(frozen=True)
class Predictor:
    """A model, and how records are written for it and its answers read."""

    settings: Document
    model_name: str
    content_type: str
    accept: str

    @classmethod
    def of(cls, settings: Document, dataset_type: str) -> Predictor:
        """From `predictor` of the analysis configuration. Raises `AnalysisError` naming the field."""
        for name, instead in _REFUSED.items():
            if name in settings:
                raise AnalysisError(f"predictor.{name} is not one the embedded AWS does: {instead}")
        model_name = str(settings.get("model_name") or os.environ.get(MODEL_NAME_VARIABLE, ""))
        if not model_name:
            raise AnalysisError("predictor.model_name is missing")
        content_type = str(settings.get("content_type", dataset_type))
        accept = str(settings.get("accept_type", content_type))
        for field, value in (("content_type", content_type), ("accept_type", accept)):
            if value not in _TYPES:
                raise AnalysisError(
                    f"predictor.{field} {value!r} is not one the embedded AWS does; use {' or '.join(_TYPES)}"
                )
        if content_type == "application/jsonlines" and "$features" not in settings.get("content_template", ""):
            raise AnalysisError(
                "predictor.content_template must have $features in it for content_type application/jsonlines"
            )
        return cls(settings, model_name, content_type, accept)

    def ask(self, features: pandas.DataFrame) -> Answers:
        """The model's answer to each row. Raises `AnalysisError` with the reason of a transform job that failed."""
        lines = _transform(self, self._content(features)).splitlines()
        if len(lines) != len(features):
            raise AnalysisError(
                f"the model answered {len(features)} records with {len(lines)} lines; it must answer each with one"
            )
        return Answers.of(lines, self.accept, self.settings)

    def _content(self, features: pandas.DataFrame) -> str:
        if self.content_type == "text/csv":
            return str(features.to_csv(header=False, index=False))
        template = self.settings["content_template"]
        rows = json.loads(features.to_json(orient="values"))
        return "".join(f"{template.replace('$features', json.dumps(row))}\n" for row in rows)


def _transform(predictor: Predictor, content: str) -> str:
    """Send records through a transform job beside the analysis's own output, of which nothing stays but the job."""
    name = f"clarify-{secrets.token_hex(8)}"
    output = json.loads(JOB.read_text())["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    bucket, _, prefix = output.removeprefix("s3://").partition("/")
    key = f"{prefix.rstrip('/')}/.{name}/records".lstrip("/")
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=content.encode())
    try:
        _run_job(predictor, name, f"s3://{bucket}/{key}")
        answer: bytes = s3.get_object(Bucket=bucket, Key=f"{key}.out")["Body"].read()
        s3.delete_object(Bucket=bucket, Key=f"{key}.out")
    finally:
        s3.delete_object(Bucket=bucket, Key=key)
    return answer.decode()


def _run_job(predictor: Predictor, name: str, records: str) -> None:
    sagemaker = boto3.client("sagemaker")
    settings = predictor.settings
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=predictor.model_name,
        BatchStrategy="MultiRecord",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": records}},
            "ContentType": predictor.content_type,
            "SplitType": "Line",
        },
        TransformOutput={
            "S3OutputPath": records.rpartition("/")[0],
            "Accept": predictor.accept,
            "AssembleWith": "Line",
        },
        # One file is for one instance.
        TransformResources={"InstanceType": settings.get("instance_type", "ml.m5.large"), "InstanceCount": 1},
    )
    while True:
        job = sagemaker.describe_transform_job(TransformJobName=name)
        if job["TransformJobStatus"] not in ("InProgress", "Stopping"):
            break
        time.sleep(_POLL_SECONDS)
    if job["TransformJobStatus"] != "Completed":
        raise AnalysisError(
            f"the model {predictor.model_name!r} did not answer: {job.get('FailureReason', 'its job was stopped')}"
        )
