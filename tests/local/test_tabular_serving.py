"""The platform's own serving image in batch transform jobs: CSV and Parquet in and out."""

from __future__ import annotations

import io
import json
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LinearRegression

from tests.local.workbench import ROLE, Workbench

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlplatform-tabular:0123456789abcdef"


def model_of(workbench: Workbench, name: str) -> str:
    """Twice the first feature and three times the second."""
    features = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    packed = io.BytesIO()
    joblib.dump(LinearRegression().fit(features, features @ [2.0, 3.0]), packed)
    archive = workbench.put_archive(f"{name}/model.tar.gz", {"model.joblib": packed.getvalue()})
    workbench.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": archive}
    )
    return name


def transform(workbench: Workbench, model: str, content_type: str, **members: Any) -> dict[str, Any]:
    lines = {"SplitType": "Line"} if content_type == "text/csv" else {}
    assembled = {"AssembleWith": "Line"} if content_type == "text/csv" else {}
    kind = content_type.rpartition("/")[2]
    workbench.sagemaker.create_transform_job(
        TransformJobName=f"{model}-{kind}",
        ModelName=model,
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": workbench.uri(f"{model}/{kind}/")}},
            "ContentType": content_type,
            **lines,
        },
        TransformOutput={"S3OutputPath": workbench.uri(f"{model}/out"), "Accept": content_type, **assembled},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    )
    return workbench.wait_for_job("transform", f"{model}-{kind}")


@pytest.fixture
def model(workbench: Workbench) -> str:
    return model_of(workbench, "tabular")


def test_csv_and_parquet_are_predicted_for_by_the_image_that_aws_builds(workbench: Workbench, model: str) -> None:
    workbench.put(f"{model}/csv/rows.csv", "a,1,1\nb,2,0\nc,0,\n".replace("c,0,", "c,0,4"))
    about = {"version": 1, "key_columns": ["shop"], "named_features": False}
    table = pa.table({"shop": ["a", "b"], "x": [1.0, 2.0], "y": [1.0, 0.0]})
    part = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"mlplatform": json.dumps(about)}), part)
    workbench.put(f"{model}/x-parquet/part-00000.parquet", part.getvalue())

    columns = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    lines = transform(workbench, model, "text/csv", DataProcessing=columns, BatchStrategy="MultiRecord")
    whole = transform(workbench, model, "application/x-parquet")

    assert lines["TransformJobStatus"] == "Completed", lines.get("FailureReason")
    answered = [line.split(",") for line in workbench.get(f"{model}/out/rows.csv.out").splitlines()]
    assert [(shop, round(float(value), 6)) for shop, value in answered] == [("a", 5.0), ("b", 4.0), ("c", 12.0)]
    assert whole["TransformJobStatus"] == "Completed", whole.get("FailureReason")
    body = workbench.engine.client("s3").get_object(Bucket=workbench.bucket, Key=f"{model}/out/part-00000.parquet.out")
    predicted = pq.read_table(io.BytesIO(body["Body"].read())).to_pydict()
    assert predicted["shop"] == ["a", "b"]
    assert predicted["prediction"] == pytest.approx([5.0, 4.0])


def test_a_model_that_does_not_load_fails_the_job(workbench: Workbench) -> None:
    workbench.put("broken/csv/rows.csv", "1,1\n")
    archive = workbench.put_archive("broken/model.tar.gz", {"readme.txt": "no model"})
    workbench.sagemaker.create_model(
        ModelName="broken", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": archive}
    )

    job = transform(workbench, "broken", "text/csv")

    assert job["TransformJobStatus"] == "Failed"
    assert any("ModelLoadFailed" in line for line in workbench.log_lines("TransformJobs", "broken-csv"))
