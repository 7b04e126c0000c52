"""Requests for jobs as the tests of the embedded AWS make them."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

from tests.local.workbench import IMAGE, ROLE, Workbench

TRAIN = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--label")
given = parser.parse_args()
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.csv").read_text().split()
for epoch in range(3):
    print(f"validation:rmse={1 / (epoch + 1):.3f};")
model = {"rate": given.rate, "label": given.label, "rows": len(rows)}
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(model))
print("hosts", os.environ["SM_HOSTS"], "hps", os.environ["SM_HPS"])
"""
INFERENCE = """
import json, pathlib
def model_fn(directory):
    return json.loads(pathlib.Path(directory, "model.json").read_text())
def input_fn(body, content_type):
    return [[float(field) for field in line.split(",")] for line in body.splitlines()]
def predict_fn(rows, model):
    if any(sum(row) < 0 for row in rows):
        raise ValueError("demand is negative")
    return [sum(row) * model["factor"] for row in rows]
def output_fn(predictions, accept):
    return "\\n".join(str(value) for value in predictions), accept
"""


def processing_request(name: str, script: str, **members: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["sh", "-c", script]},
        **members,
    }


def training_request(workbench: Workbench, name: str, script: str, **hyperparameters: str) -> dict[str, Any]:
    source = workbench.put_archive(f"{name}/source.tar.gz", {"train.py": script})
    data = workbench.put(f"{name}/data/rows.csv", "1\n2\n3\n").removesuffix("rows.csv")
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:rmse", "Regex": "validation:rmse=([0-9.]+);"}],
        },
        "HyperParameters": {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(source),
            **hyperparameters,
        },
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": data}}}
        ],
        "OutputDataConfig": {"S3OutputPath": workbench.uri(f"{name}/models")},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }


def transform_request(workbench: Workbench, name: str, script: str = INFERENCE, **members: Any) -> dict[str, Any]:
    model = workbench.put_archive(
        f"{name}/model.tar.gz", {"model.json": json.dumps({"factor": 10}), "code/inference.py": script}
    )
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    model_name = f"{name}-of-{workbench.bucket}"  # Tests of other files have models in the same engine.
    workbench.sagemaker.create_model(
        ModelName=model_name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": model, "Environment": environment},
    )
    return {
        "TransformJobName": name,
        "ModelName": model_name,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": workbench.uri(f"{name}/in/")}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": workbench.uri(f"{name}/out"),
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }


def archive_of(workbench: Workbench, key: str) -> dict[str, str]:
    """The files of a tar.gz in S3, by name."""
    body = workbench.engine.client("s3").get_object(Bucket=workbench.bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive if entry.isfile()}
        return {name: file.read().decode() for name, file in files.items() if file is not None}
