"""Processing, training and transform jobs under the /opt/ml contract, seen through boto3."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mllocal.jobs.logs import JobLog
from mlpipelines.instance_types import INSTANCE_TYPES
from tests.local.job_requests import TRAIN, processing_request, training_request, transform_request
from tests.local.workbench import Workbench


def test_training_runs_the_script_and_records_metrics_and_artifacts(workbench: Workbench) -> None:
    request = training_request(workbench, "train-ok", TRAIN, rate="0.5", label='"plain text"')
    workbench.sagemaker.create_training_job(**request)

    job = workbench.wait_for_job("training", "train-ok")

    assert job["TrainingJobStatus"] == "Completed"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == workbench.uri("train-ok/models/train-ok/output/model.tar.gz")
    assert [(metric["MetricName"], round(metric["Value"], 3)) for metric in job["FinalMetricDataList"]] == [
        ("validation:rmse", 0.333)
    ]
    assert [entry["Status"] for entry in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert workbench.log_lines("TrainingJobs", "train-ok")[-1].startswith('hosts ["algo-1"] hps {"rate": 0.5')


def test_a_training_script_that_fails_gives_its_error_as_the_reason_and_no_model(workbench: Workbench) -> None:
    request = training_request(workbench, "train-bad", "raise ValueError('target is constant')")
    workbench.sagemaker.create_training_job(**request)

    job = workbench.wait_for_job("training", "train-bad")

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:")
    assert "ValueError: target is constant" in job["FailureReason"]
    assert workbench.keys("train-bad/models") == []


def test_a_job_over_its_time_limit_is_ended(workbench: Workbench) -> None:
    request = processing_request("too-slow", "sleep 60", StoppingCondition={"MaxRuntimeInSeconds": 1})
    started = time.monotonic()
    workbench.sagemaker.create_processing_job(**request)

    job = workbench.wait_for_job("processing", "too-slow")

    assert job["ProcessingJobStatus"] == "Failed"
    assert "exceeded MaxRuntimeInSeconds of 1" in job["FailureReason"]
    assert time.monotonic() - started < 30


def test_a_processing_job_gives_its_message_file_as_the_reason(workbench: Workbench) -> None:
    script = "echo 'column day is missing' > /opt/ml/output/message; echo noise; exit 1"
    workbench.sagemaker.create_processing_job(**processing_request("with-message", script))

    job = workbench.wait_for_job("processing", "with-message")

    assert job["FailureReason"] == "AlgorithmError: column day is missing, exit code: 1"
    assert job["ExitMessage"] == "column day is missing"


def test_a_text_that_no_process_can_be_given_fails_the_job_and_says_which(workbench: Workbench) -> None:
    request = processing_request("no-text", "true", Environment={"MARK": "a\0b", "HALF": "\ud800"})
    workbench.sagemaker.create_processing_job(**request)

    job = workbench.wait_for_job("processing", "no-text")

    assert job["FailureReason"] == (
        "ClientError: the environment variable 'a\\x00b' has a NUL character, which ends a text for a process; "
        "the environment variable '\\ud800' has half a surrogate pair, which is no text; take it out"
    )


def test_an_input_without_objects_fails_the_job_and_says_where_it_looked(workbench: Workbench) -> None:
    where = {"S3Uri": workbench.uri("nothing/"), "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"}
    inputs = [{"InputName": "data", "S3Input": {**where, "S3InputMode": "File"}}]
    workbench.sagemaker.create_processing_job(**processing_request("no-input", "true", ProcessingInputs=inputs))

    job = workbench.wait_for_job("processing", "no-input")

    assert "No S3 objects found" in job["FailureReason"]
    assert workbench.uri("nothing/") in job["FailureReason"]


def test_jobs_see_only_their_own_environment(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    workbench.sagemaker.create_processing_job(
        **processing_request("clean-env", "env | cut -d= -f1 | sort", Environment={"TEAM": "demand"})
    )

    workbench.wait_for_job("processing", "clean-env")

    names = set(workbench.log_lines("ProcessingJobs", "clean-env"))
    assert "TEAM" in names
    assert not names & {"VIRTUAL_ENV", "PYTEST_CURRENT_TEST", "GATEWAY_PORT"}


def test_two_jobs_at_once_have_each_its_own_opt_ml(workbench: Workbench) -> None:
    script = "echo $0 $NAME > /opt/ml/mine; sleep 1; cat /opt/ml/mine; ls /opt/ml"
    for name in ("left", "right"):
        workbench.sagemaker.create_processing_job(**processing_request(name, script, Environment={"NAME": name}))

    for name in ("left", "right"):
        assert workbench.wait_for_job("processing", name)["ProcessingJobStatus"] == "Completed"
        assert f"sh {name}" in workbench.log_lines("ProcessingJobs", name)


def test_transform_filters_joins_and_names_outputs_as_the_service_does(workbench: Workbench) -> None:
    workbench.put("transform/in/a.csv", "mon,1,2\ntue,3,4\n")
    workbench.put("transform/in/deep/b.csv", 'w"e"d,5,6\n'.replace('"', ""))
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    workbench.sagemaker.create_transform_job(**transform_request(workbench, "transform", DataProcessing=processing))

    job = workbench.wait_for_job("transform", "transform")

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert workbench.get("transform/out/a.csv.out") == "mon,30.0\ntue,70.0\n"
    assert workbench.get("transform/out/deep/b.csv.out") == "wed,110.0\n"


def test_transform_sends_one_record_at_a_time_when_asked(workbench: Workbench) -> None:
    workbench.put("single/in/a.csv", "".join(f"{number}\n" for number in range(50)))
    workbench.sagemaker.create_transform_job(**transform_request(workbench, "single", BatchStrategy="SingleRecord"))

    job = workbench.wait_for_job("transform", "single")

    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert workbench.get("single/out/a.csv.out") == "".join(f"{number * 10}.0\n" for number in range(50))


def test_a_record_the_model_refuses_fails_the_transform_and_leaves_no_output(workbench: Workbench) -> None:
    workbench.put("refused-record/in/a.csv", "1\n2\n")
    workbench.put("refused-record/in/b.csv", "-3\n")
    workbench.sagemaker.create_transform_job(**transform_request(workbench, "refused-record"))

    job = workbench.wait_for_job("transform", "refused-record")

    assert job["TransformJobStatus"] == "Failed"
    assert "ValueError: demand is negative" in job["FailureReason"]
    assert workbench.keys("refused-record/out") == []


def test_an_unknown_image_fails_the_job_and_names_those_there_are(workbench: Workbench) -> None:
    request = processing_request("no-image", "true")
    request["AppSpecification"]["ImageUri"] = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mystery:1"
    workbench.sagemaker.create_processing_job(**request)

    job = workbench.wait_for_job("processing", "no-image")

    assert "mystery:1' has no local environment" in job["FailureReason"]
    assert "sagemaker-scikit-learn:1.9-0-cpu-py3" in job["FailureReason"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"InstanceType": "ml.m99.huge"}, "Member must satisfy enum value set"),
        (
            {"InstancePreferences": [{"InstanceType": "ml.m5.large"}]},
            "has InstanceType and InstancePreferences; give one of them",
        ),
    ],
)
def test_a_job_that_cannot_run_is_refused_when_it_is_created(
    workbench: Workbench, change: dict[str, Any], message: str
) -> None:
    request = processing_request("refused-at-once", "true")
    request["ProcessingResources"]["ClusterConfig"].update(change)

    with pytest.raises(ClientError, match=message) as refused:
        workbench.sagemaker.create_processing_job(**request)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="Could not find requested job"):
        workbench.sagemaker.describe_processing_job(ProcessingJobName="refused-at-once")


def test_a_stopped_job_ends_as_stopped(workbench: Workbench) -> None:
    workbench.sagemaker.create_processing_job(**processing_request("stop-me", "sleep 60"))
    workbench.sagemaker.stop_processing_job(ProcessingJobName="stop-me")

    assert workbench.wait_for_job("processing", "stop-me")["ProcessingJobStatus"] == "Stopped"


def test_a_failed_training_job_still_answers_everything_that_describe_must_have(workbench: Workbench) -> None:
    request = training_request(workbench, "whole-answer", "raise ValueError")
    request["AlgorithmSpecification"]["TrainingImage"] = "nobody/knows:1"
    del request["StoppingCondition"]
    workbench.sagemaker.create_training_job(**request)

    job = workbench.wait_for_job("training", "whole-answer")

    assert job["SecondaryStatus"] == "Failed"
    shape = workbench.sagemaker.meta.service_model.operation_model("DescribeTrainingJob").output_shape
    assert set(shape.required_members) - set(job) == set()


def test_a_log_stream_that_is_there_already_is_the_jobs_own(workbench: Workbench) -> None:
    """The client asks again when the answer to its first request was lost."""
    logs = workbench.engine.client("logs")
    first = JobLog(logs, "/aws/sagemaker/ProcessingJobs", f"{workbench.bucket}/algo-1")
    first.close()

    again = JobLog(logs, "/aws/sagemaker/ProcessingJobs", f"{workbench.bucket}/algo-1")
    again.add("a line")
    again.close()

    assert workbench.log_lines("ProcessingJobs", workbench.bucket) == ["a line"]


def test_cloudwatch_knows_how_much_memory_a_training_job_used(workbench: Workbench) -> None:
    script = "held = bytearray(600_000_000); held[::4096] = b'x' * len(held[::4096]); import time; time.sleep(1)"
    workbench.sagemaker.create_training_job(**training_request(workbench, "train-large", script))

    job = workbench.wait_for_job("training", "train-large")

    (point,) = workbench.engine.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="MemoryUtilization",
        Dimensions=[{"Name": "Host", "Value": "train-large/algo-1"}],
        StartTime=job["TrainingStartTime"] - timedelta(minutes=1),
        EndTime=job["TrainingEndTime"] + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    instance = INSTANCE_TYPES[job["ResourceConfig"]["InstanceType"]]
    assert 0.6e9 < point["Maximum"] / 100 * instance.memory_bytes < 1.5e9
