"""Models and endpoints as the tests of the embedded AWS make them."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import joblib
import numpy as np
from sklearn.linear_model import LinearRegression

from tests.local.workbench import IMAGE, ROLE, Workbench

PATIENCE_SECONDS = 120
SCRIPT = """
import json, os, pathlib, time
import joblib
def model_fn(directory):
    return joblib.load(pathlib.Path(directory, "model.joblib"))
def input_fn(body, content_type):
    return [[float(field) for field in line.split(",")] for line in body.splitlines()]
def predict_fn(rows, model):
    if any(row[0] == 666 for row in rows):
        os._exit(1)
    if any(row[0] < 0 for row in rows):
        raise ValueError("demand is negative")
    time.sleep(float(os.environ.get("SECONDS", 0)))
    return [float(value) for value in model.predict(rows)]
def output_fn(predictions, accept):
    return json.dumps({"predictions": predictions, "label": os.environ.get("LABEL", "")}), "application/json"
"""
BROKEN = "def model_fn(directory):\n    raise RuntimeError('the model is broken')\n"


def put_model(workbench: Workbench, name: str, script: str = SCRIPT, **environment: str) -> str:
    """A linear regression that doubles its input."""
    rows = np.arange(10.0).reshape(-1, 1)
    buffer = io.BytesIO()
    joblib.dump(LinearRegression().fit(rows, rows[:, 0] * 2), buffer)
    archive = workbench.put_archive(
        f"{name}/model.tar.gz", {"model.joblib": buffer.getvalue(), "code/inference.py": script}
    )
    variables = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code", **environment}
    workbench.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": archive, "Environment": variables},
    )
    return name


def variant(model: str, name: str = "AllTraffic", count: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        **members,
    }


def put_config(workbench: Workbench, name: str, *variants: dict[str, Any], **members: Any) -> str:
    workbench.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **members)
    return name


def create(workbench: Workbench, name: str, config: str) -> dict[str, Any]:
    """An endpoint that has come to rest."""
    workbench.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    return settled(workbench, name)


def settled(workbench: Workbench, name: str) -> dict[str, Any]:
    """The endpoint when it changes no more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        endpoint: dict[str, Any] = workbench.sagemaker.describe_endpoint(EndpointName=name)
        if endpoint["EndpointStatus"] in ("InService", "Failed"):
            return endpoint
        time.sleep(0.05)
    raise TimeoutError(f"{name} did not settle within {PATIENCE_SECONDS} seconds: {endpoint}")


def invoke(workbench: Workbench, name: str, body: str = "21", **members: Any) -> dict[str, Any]:
    """The model's answer, with the variant that gave it."""
    answer = workbench.engine.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Body=body, **members
    )
    return {**json.loads(answer["Body"].read()), "variant": answer["InvokedProductionVariant"]}


def capacity(endpoint: dict[str, Any]) -> tuple[int, int]:
    (only,) = endpoint["ProductionVariants"]
    return only["CurrentInstanceCount"], only["DesiredInstanceCount"]
