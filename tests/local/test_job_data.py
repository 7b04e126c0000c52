"""What jobs read and write: manifests, keys, input modes, checkpoints, continuous uploads, outputs of failed jobs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.job_requests import archive_of, processing_request, training_request
from tests.local.workbench import Workbench

_LIST_CHANNEL = """
import json, os, pathlib
folder = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
mode = json.loads(os.environ["SM_INPUT_DATA_CONFIG"])["train"]["TrainingInputMode"]
print("found", json.dumps(found), mode)
"""
_COUNT = """
import pathlib, sys
state = pathlib.Path("/opt/ml/checkpoints/epoch")
epoch = int(state.read_text()) if state.exists() else 0
print("from epoch", epoch)
state.write_text(str(epoch + 1))
sys.exit(EXIT)
"""


def _with_source(request: dict[str, Any], **source: Any) -> dict[str, Any]:
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"] = source
    return request


def _found(workbench: Workbench, name: str, request: dict[str, Any]) -> str:
    workbench.sagemaker.create_training_job(**request)
    job = workbench.wait_for_job("training", name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return next(line for line in workbench.log_lines("TrainingJobs", name) if line.startswith("found"))


def test_a_manifest_names_the_objects_of_a_channel(workbench: Workbench) -> None:
    for name in ("a/1.csv", "a/2.csv", "b.csv"):
        workbench.put(f"manifest/data/{name}", "1")
    entries = [{"prefix": workbench.uri("manifest/data/")}, "a/2.csv", "b.csv"]
    manifest = workbench.put("manifest/train.manifest", json.dumps(entries))
    request = training_request(workbench, "manifest", _LIST_CHANNEL)

    found = _found(workbench, "manifest", _with_source(request, S3DataType="ManifestFile", S3Uri=manifest))

    assert found == 'found ["a/2.csv", "b.csv"] File'


def test_a_manifest_that_is_none_fails_the_job_with_what_it_holds(workbench: Workbench) -> None:
    manifest = workbench.put("bad-manifest/train.manifest", '{"prefix": "s3://x/"}')
    request = training_request(workbench, "bad-manifest", _LIST_CHANNEL)
    workbench.sagemaker.create_training_job(**_with_source(request, S3DataType="ManifestFile", S3Uri=manifest))

    reason = workbench.wait_for_job("training", "bad-manifest")["FailureReason"]

    assert reason.startswith("ClientError: manifest")
    assert '{"prefix": "s3://x/"}' in reason


def test_a_prefix_that_is_a_whole_key_is_one_file_and_fast_file_mode_is_recorded(workbench: Workbench) -> None:
    workbench.put("exact/data/train.csv", "1")
    request = training_request(workbench, "exact", _LIST_CHANNEL)
    request["InputDataConfig"][0]["InputMode"] = "FastFile"
    source = {"S3DataType": "S3Prefix", "S3Uri": workbench.uri("exact/data/train.csv")}

    assert _found(workbench, "exact", _with_source(request, **source)) == 'found ["train.csv"] FastFile'


def test_a_bucket_that_is_not_there_fails_the_job_as_a_client_error(workbench: Workbench) -> None:
    request = training_request(workbench, "no-bucket", _LIST_CHANNEL)
    workbench.sagemaker.create_training_job(
        **_with_source(request, S3DataType="S3Prefix", S3Uri="s3://not-a-bucket-of-ours/data/")
    )

    assert workbench.wait_for_job("training", "no-bucket")["FailureReason"].startswith("ClientError: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"InputMode": "Pipe"}, r"InputDataConfig\['train'\].InputMode is Pipe"),
        ({"CompressionType": "Gzip"}, r"InputDataConfig\['train'\].CompressionType is Gzip"),
        ({"RecordWrapperType": "RecordIO"}, r"InputDataConfig\['train'\].RecordWrapperType is RecordIO"),
        (
            {"DataSource": {"S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://bucket/a"}}},
            r"S3DataType 'AugmentedManifestFile' is not one",
        ),
    ],
)
def test_a_channel_that_cannot_be_read_here_is_refused_by_name(
    workbench: Workbench, change: dict[str, Any], message: str
) -> None:
    request = training_request(workbench, "refused-channel", _LIST_CHANNEL)
    request["InputDataConfig"][0].update(change)

    with pytest.raises(ClientError, match=message):
        workbench.sagemaker.create_training_job(**request)


def test_a_dataset_definition_is_refused_by_name(workbench: Workbench) -> None:
    inputs = [{"InputName": "query", "DatasetDefinition": {"LocalPath": "/opt/ml/processing/in"}}]

    with pytest.raises(ClientError, match=r"ProcessingInputs\['query'\].DatasetDefinition"):
        workbench.sagemaker.create_processing_job(**processing_request("athena", "true", ProcessingInputs=inputs))


def test_a_restarted_training_job_continues_from_its_checkpoint(workbench: Workbench) -> None:
    for name, code in (("first-run", 1), ("second-run", 0)):
        request = training_request(workbench, name, _COUNT.replace("EXIT", str(code)))
        request["CheckpointConfig"] = {"S3Uri": workbench.uri("checkpoints/shared")}
        workbench.sagemaker.create_training_job(**request)
        workbench.wait_for_job("training", name)

    assert "from epoch 0" in workbench.log_lines("TrainingJobs", "first-run")
    assert "from epoch 1" in workbench.log_lines("TrainingJobs", "second-run")
    assert workbench.get("checkpoints/shared/epoch") == "2"


def test_a_failed_training_job_leaves_its_output_but_no_model(workbench: Workbench) -> None:
    script = "import pathlib, sys; pathlib.Path('/opt/ml/output/data/trace').write_text('why'); sys.exit(3)"
    workbench.sagemaker.create_training_job(**training_request(workbench, "failed-output", script))

    job = workbench.wait_for_job("training", "failed-output")

    assert job["FailureReason"].endswith("exit code: 3")
    output = "failed-output/models/failed-output/output"
    assert workbench.keys("failed-output/models") == [f"{output}/output.tar.gz"]
    assert archive_of(workbench, f"{output}/output.tar.gz") == {"trace": "why"}


def test_a_training_job_over_its_time_is_stopped_and_keeps_what_it_saved(workbench: Workbench) -> None:
    script = "import pathlib, time; pathlib.Path('/opt/ml/model/early').write_text('1'); time.sleep(60)"
    request = training_request(workbench, "over-time", script)
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 2}
    workbench.sagemaker.create_training_job(**request)

    job = workbench.wait_for_job("training", "over-time")

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert archive_of(workbench, "over-time/models/over-time/output/model.tar.gz") == {"early": "1"}


def test_continuous_outputs_are_in_s3_while_the_job_runs_and_stay_when_it_fails(workbench: Workbench) -> None:
    target = {"S3Uri": workbench.uri("live/out"), "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "Continuous"}
    request = processing_request(
        "live",
        "echo one > /opt/ml/processing/out/a; sleep 4; exit 1",
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": target}]},
    )
    workbench.sagemaker.create_processing_job(**request)

    while not workbench.keys("live/out"):
        job = workbench.sagemaker.describe_processing_job(ProcessingJobName="live")
        assert job["ProcessingJobStatus"] == "InProgress"
        time.sleep(0.05)

    assert workbench.wait_for_job("processing", "live")["ProcessingJobStatus"] == "Failed"
    assert workbench.get("live/out/a") == "one\n"


@pytest.mark.parametrize("mode", ["EndOfJob", "Continuous"])
def test_an_output_that_cannot_be_written_fails_the_job_and_names_it(workbench: Workbench, mode: str) -> None:
    target = {"S3Uri": "s3://not-a-bucket-of-ours/out", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": mode}
    request = processing_request(
        f"no-target-{mode}",
        "echo 1 > /opt/ml/processing/out/a",
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": target}]},
    )
    workbench.sagemaker.create_processing_job(**request)

    reason = workbench.wait_for_job("processing", f"no-target-{mode}")["FailureReason"]

    assert reason.startswith("ClientError: Artifact upload failed: 's3://not-a-bucket-of-ours/out")
