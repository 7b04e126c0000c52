"""Jobs on several instances: hosts, sharding, logs, outputs, and what happens when one host fails."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.local.job_requests import archive_of, processing_request, training_request, transform_request
from tests.local.workbench import Workbench

_REPORT = (
    'cd /opt/ml; h=$(sed -E \'s/.*current_host": "([^"]+)".*/\\1/\' config/resourceconfig.json); '
    "echo host $h; ls processing/in > processing/out/$h; cp config/resourceconfig.json processing/out/$h.json"
)
_SHARED_MODEL = """
import json, os, pathlib
host = os.environ["SM_CURRENT_HOST"]
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
model.joinpath(f"part-{host}").write_text(host)
model.joinpath("same").write_text(host)
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], host).write_text("data")
print("hosts", os.environ["SM_HOSTS"], "cpus", os.environ["SM_NUM_CPUS"])
"""


def _on(count: int, request: dict[str, Any]) -> dict[str, Any]:
    resources = (
        request.get("ResourceConfig")
        or request.get("TransformResources")
        or request["ProcessingResources"]["ClusterConfig"]
    )
    resources["InstanceCount"] = count
    return request


def _processing(workbench: Workbench, name: str, distribution: str) -> dict[str, Any]:
    for number in range(5):
        workbench.put(f"{name}/in/{number}.csv", str(number))
    source = {"S3Uri": workbench.uri(f"{name}/in/"), "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"}
    target = {"S3Uri": workbench.uri(f"{name}/out"), "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    request = processing_request(
        name,
        _REPORT,
        ProcessingInputs=[
            {"InputName": "in", "S3Input": {**source, "S3InputMode": "File", "S3DataDistributionType": distribution}}
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": target}]},
    )
    return _on(2, request)


def test_sharded_inputs_are_dealt_out_in_order_and_every_host_uploads_under_the_same_prefix(
    workbench: Workbench,
) -> None:
    workbench.sagemaker.create_processing_job(**_processing(workbench, "sharded", "ShardedByS3Key"))

    job = workbench.wait_for_job("processing", "sharded")

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert json.loads(workbench.get("sharded/out/algo-2.json"))["hosts"] == ["algo-1", "algo-2"]
    assert workbench.get("sharded/out/algo-1").split() == ["0.csv", "2.csv", "4.csv"]
    assert workbench.get("sharded/out/algo-2").split() == ["1.csv", "3.csv"]


def test_replicated_inputs_are_whole_on_every_host_and_each_host_has_its_log_stream(workbench: Workbench) -> None:
    workbench.sagemaker.create_processing_job(**_processing(workbench, "replicated", "FullyReplicated"))

    workbench.wait_for_job("processing", "replicated")

    assert len(workbench.get("replicated/out/algo-2").split()) == 5
    streams = workbench.engine.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="replicated/"
    )["logStreams"]
    assert sorted(stream["logStreamName"].rsplit("-", 1)[0] for stream in streams) == [
        "replicated/algo-1",
        "replicated/algo-2",
    ]
    assert {"host algo-1", "host algo-2"} <= set(workbench.log_lines("ProcessingJobs", "replicated"))


def test_a_host_that_fails_ends_the_others_and_the_job(workbench: Workbench) -> None:
    script = 'grep -q \'"current_host": "algo-2"\' /opt/ml/config/resourceconfig.json && exit 7; sleep 60'
    started = time.monotonic()
    workbench.sagemaker.create_processing_job(**_on(3, processing_request("one-fails", script)))

    job = workbench.wait_for_job("processing", "one-fails")

    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith("exit code: 7")
    assert time.monotonic() - started < 30


def test_hosts_find_each_other_by_name(workbench: Workbench) -> None:
    script = "import socket; print('algo-2 is', socket.gethostbyname('algo-2'))"
    request = processing_request("by-name", "unused")
    request["AppSpecification"]["ContainerEntrypoint"] = ["python3", "-c", script]
    workbench.sagemaker.create_processing_job(**_on(2, request))

    workbench.wait_for_job("processing", "by-name")

    assert "algo-2 is 127.0.0.1" in workbench.log_lines("ProcessingJobs", "by-name")


def test_training_merges_the_models_of_all_hosts_and_the_first_host_wins_a_name(workbench: Workbench) -> None:
    workbench.sagemaker.create_training_job(**_on(2, training_request(workbench, "train-two", _SHARED_MODEL)))

    job = workbench.wait_for_job("training", "train-two")

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    output = "train-two/models/train-two/output"
    assert archive_of(workbench, f"{output}/model.tar.gz") == {
        "part-algo-1": "algo-1",
        "part-algo-2": "algo-2",
        "same": "algo-1",
    }
    assert archive_of(workbench, f"{output}/output.tar.gz") == {"algo-1": "data", "algo-2": "data"}


def test_transform_deals_files_out_to_the_servers_of_all_instances(workbench: Workbench) -> None:
    for number in range(5):
        workbench.put(f"transform-two/in/{number}.csv", f"{number}\n")
    workbench.sagemaker.create_transform_job(**_on(2, transform_request(workbench, "transform-two")))

    job = workbench.wait_for_job("transform", "transform-two")

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert [workbench.get(f"transform-two/out/{number}.csv.out") for number in range(5)] == [
        f"{number * 10}.0\n" for number in range(5)
    ]
