"""Content types, assembling, retries and limits of batch transform jobs."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.local.job_requests import transform_request
from tests.local.workbench import Workbench

_ANY_TYPE = """
import io, json, pathlib, time
def model_fn(directory):
    return {"calls": 0}
def input_fn(body, content_type):
    if content_type == "application/x-parquet":
        import pyarrow.parquet
        return pyarrow.parquet.read_table(io.BytesIO(body)).column("x").to_pylist()
    if content_type == "application/json":
        return json.loads(body)["x"]
    return [json.loads(line)["x"] for line in body.decode().splitlines()]
def predict_fn(values, model):
    model["calls"] += 1
    if model["calls"] <= FAILURES:
        raise RuntimeError("not warm yet")
    time.sleep(SECONDS)
    return [value * 10 for value in values]
def output_fn(predictions, accept):
    if accept == "application/json":
        return json.dumps(predictions), accept
    return "\\n".join(json.dumps({"y": value}) for value in predictions), accept
"""


def _request(
    workbench: Workbench, name: str, content_type: str, *, failures: int = 0, seconds: float = 0, **members: Any
) -> dict[str, Any]:
    script = _ANY_TYPE.replace("FAILURES", str(failures)).replace("SECONDS", str(seconds))
    request = transform_request(workbench, name, script, **members)
    request["TransformInput"]["ContentType"] = content_type
    request["TransformOutput"]["Accept"] = content_type
    return request


def _run(workbench: Workbench, request: dict[str, Any]) -> dict[str, Any]:
    workbench.sagemaker.create_transform_job(**request)
    return workbench.wait_for_job("transform", request["TransformJobName"])


def test_json_lines_are_filtered_and_joined(workbench: Workbench) -> None:
    workbench.put("lines/in/a.jsonl", '{"id": 1, "x": 2}\n{"id": 2, "x": 3}\n')
    processing = {"InputFilter": "$", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    request = _request(workbench, "lines", "application/jsonlines", DataProcessing=processing)

    job = _run(workbench, request)

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    lines = [json.loads(line) for line in workbench.get("lines/out/a.jsonl.out").splitlines()]
    assert lines == [[1, {"y": 20}], [2, {"y": 30}]]


def test_a_whole_json_file_is_joined_with_its_answer(workbench: Workbench) -> None:
    workbench.put("whole/in/a.json", '{"x": [1, 2]}')
    request = _request(workbench, "whole", "application/json", DataProcessing={"JoinSource": "Input"})
    request["TransformInput"]["SplitType"] = "None"

    job = _run(workbench, request)

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert json.loads(workbench.get("whole/out/a.json.out")) == {"x": [1, 2], "SageMakerOutput": [10, 20]}


def test_a_parquet_file_reaches_the_model_as_it_is(workbench: Workbench) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"x": [1, 2, 3]}), buffer)
    workbench.put("parquet/in/a.parquet", buffer.getvalue())
    request = _request(workbench, "parquet", "application/x-parquet")
    request["TransformInput"]["SplitType"] = "None"
    request["TransformOutput"]["Accept"] = "application/json"

    job = _run(workbench, request)

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert workbench.get("parquet/out/a.parquet.out") == "[10, 20, 30]"


def test_compressed_files_of_a_manifest_are_unpacked_and_results_put_end_to_end(workbench: Workbench) -> None:
    for number in range(2):
        workbench.put(f"packed/in/{number}.gz", gzip.compress(b'{"x": 1}\n{"x": 2}\n'))
    manifest = workbench.put("packed/list", json.dumps([{"prefix": workbench.uri("packed/in/")}, "1.gz"]))
    request = _request(workbench, "packed", "application/jsonlines")
    request["TransformInput"]["CompressionType"] = "Gzip"
    request["TransformInput"]["DataSource"]["S3DataSource"] = {"S3DataType": "ManifestFile", "S3Uri": manifest}
    request["TransformOutput"]["AssembleWith"] = "None"

    job = _run(workbench, request)

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert workbench.keys("packed/out") == ["packed/out/1.gz.out"]
    assert workbench.get("packed/out/1.gz.out") == '{"y": 10}{"y": 20}'


def test_a_container_in_trouble_is_asked_again_as_often_as_the_job_says(workbench: Workbench) -> None:
    for name, retries in (("patient", 3), ("impatient", 0)):
        workbench.put(f"{name}/in/a.jsonl", '{"x": 1}\n')
        client = {"InvocationsMaxRetries": retries}
        request = _request(workbench, name, "application/jsonlines", failures=2, ModelClientConfig=client)
        workbench.sagemaker.create_transform_job(**request)

    assert workbench.wait_for_job("transform", "patient")["TransformJobStatus"] == "Completed"
    assert "not warm yet" in workbench.wait_for_job("transform", "impatient")["FailureReason"]


def test_an_answer_that_takes_too_long_fails_the_job_with_the_limit(workbench: Workbench) -> None:
    workbench.put("slow/in/a.jsonl", '{"x": 1}\n')
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}

    job = _run(workbench, _request(workbench, "slow", "application/jsonlines", seconds=20, ModelClientConfig=client))

    assert "did not answer within InvocationsTimeoutInSeconds of 1" in job["FailureReason"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"TransformInput": {"SplitType": "RecordIO"}}, "SplitType 'RecordIO' is not one"),
        ({"TransformInput": {"ContentType": "application/x-parquet"}}, "cannot split application/x-parquet"),
        ({"MaxConcurrentTransforms": 20, "MaxPayloadInMB": 6}, "must not exceed 100 MB; got 20 \\* 6 MB"),
        (
            {"DataProcessing": {"JoinSource": "Input"}, "TransformOutput": {"Accept": "text/csv"}},
            "cannot join text/csv to application/jsonlines",
        ),
    ],
)
def test_what_a_transform_cannot_do_is_refused_by_name(
    workbench: Workbench, change: dict[str, Any], message: str
) -> None:
    request = _request(workbench, f"refused-{workbench.bucket}", "application/jsonlines")
    for name, value in change.items():
        request[name] = {**request[name], **value} if isinstance(request.get(name), dict) else value

    with pytest.raises(ClientError, match=message):
        workbench.sagemaker.create_transform_job(**request)
