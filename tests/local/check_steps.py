"""QualityCheck and ClarifyCheck steps as the SDK renders them, and pipelines of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.local.workbench import ROLE, Execution, Workbench

MONITOR = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"


def job(image: str, output: str, inputs: dict[str, str], environment: dict[str, str], where: str) -> dict[str, Any]:
    """The arguments of a check as the SDK renders them."""
    sources = [
        {"InputName": name, "S3Input": _source(uri, f"/opt/ml/processing/input/{name}")} for name, uri in inputs.items()
    ]
    target = {"S3Uri": output, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingInputs": sources,
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": where, "S3Output": target}]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}
        },
        "AppSpecification": {"ImageUri": image},
        "RoleArn": ROLE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 1800},
        **({"Environment": environment} if environment else {}),
    }


def _source(uri: str, path: str) -> dict[str, str]:
    return {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}


def run(workbench: Workbench, *steps: dict[str, Any]) -> Execution:
    """Create a pipeline of steps written as JSON, and run it."""
    definition = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": list(steps)}
    text = json.dumps(definition)
    name = f"checks-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    workbench.sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=text, RoleArn=ROLE, ClientRequestToken=name.ljust(32, "0")
    )
    return workbench.wait(workbench.start(name))
