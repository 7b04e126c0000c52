"""Pipelines that were made elsewhere. The SDK is not here: `Sdk` has what `SageMakerPipeline` wants of one of its pipelines."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlplatform import MlProject, SageMakerPipeline
from mlplatform.pipeline.imported_session import ARTIFACT_BUCKET, JOB_ROLE_ARN
from tests.unit.pipeline.synthesis import Synthesized

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ELSEWHERE = "arn:aws:iam::999988887777:role/team"


@dataclass
class Session:
    uploads: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Sdk:
    """A pipeline as the SDK's: it renders itself, and its session kept what it uploaded."""

    body: dict[str, Any]
    sagemaker_session: Session = field(default_factory=Session)

    def definition(self) -> str:
        return json.dumps(self.body)


def definition(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": list(steps)}


def evaluate(uri: str, role: str = JOB_ROLE_ARN, name: str = "Evaluate") -> dict[str, Any]:
    """A processing step with a script, as the SDK's ScriptProcessor makes it."""
    source = {
        "S3Uri": uri,
        "LocalPath": "/opt/ml/processing/input/code",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    target = {
        "S3Uri": f"s3://{ARTIFACT_BUCKET}/evaluation",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "RoleArn": role,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/evaluate.py"],
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "ProcessingInputs": [{"InputName": "code", "S3Input": source}],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "S3Output": target}]},
            "Tags": [{"Key": "project", "Value": "theirs"}, {"Key": "team", "Value": "churn"}],
        },
    }


def archive(files: dict[str, bytes], time: int) -> bytes:
    """A tar.gz as the SDK packs it: with the time of packing."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), time
            packed.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def imported(**options: Any) -> Callable[[MlProject], object]:
    return lambda project: SageMakerPipeline(project, "Churn", project=project, **options)


def published(synthesized: Synthesized) -> dict[str, bytes]:
    """The objects that a deployment puts below `imported/`, by key without the folder named after the content."""
    (manifest,) = synthesized.directory.glob("*.assets.json")
    files = json.loads(manifest.read_text())["files"].values()
    keys = {next(iter(file["destinations"].values()))["objectKey"]: file["source"]["path"] for file in files}
    return {
        key.split("/", 3)[3]: Path(synthesized.directory, path).read_bytes()
        for key, path in keys.items()
        if key.startswith("imported/demo/")
    }


def code_uri(synthesized: Synthesized, step: str) -> str:
    uri: str = synthesized.steps("demo-churn")[step]["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"]
    return uri
