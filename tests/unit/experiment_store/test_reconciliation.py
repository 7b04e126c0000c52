"""What events missed is found: against the embedded SageMaker and a real S3 emulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mllocal.sagemaker.kinds import (
    EXECUTION,
    HYPER_PARAMETER_TUNING_JOB,
    MODEL_PACKAGE,
    MODEL_PACKAGE_GROUP,
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
)
from mlrecords.observations import run_id_of
from tests.unit.experiment_store.capturing import make_captured
from tests.unit.experiment_store.embedded_sagemaker import EmbeddedSageMaker
from tests.unit.experiment_store.nightly import ROLE, TAGS, Nightly
from tests.unit.servers import ACCOUNT

NOW = datetime.now(UTC)


@pytest.fixture
def nightly(store: Any, tmp_path: Path) -> Nightly:
    sagemaker = EmbeddedSageMaker(tmp_path)
    return Nightly(sagemaker, make_captured(store, sagemaker=sagemaker.client()), NOW)


def everything(nightly: Nightly) -> list[str]:
    """One resource of each kind that the embedded SageMaker has; their ARNs."""
    image = {"TrainingImage": "registry/sklearn:1.9", "TrainingInputMode": "File"}
    training: dict[str, Any] = {
        "AlgorithmSpecification": image,
        "RoleArn": ROLE,
        "ModelArtifacts": {"S3ModelArtifacts": "s3://m/m.tar.gz"},
        "FinalMetricDataList": [{"MetricName": "rmse", "Value": 1.5, "Timestamp": NOW.timestamp()}],
    }
    group = nightly.put(MODEL_PACKAGE_GROUP, "demo")
    pipeline_arn = nightly.sagemaker.create_pipeline("demo-training", ROLE, TAGS)
    step = {
        "StepName": "Train",
        "StepStatus": "Succeeded",
        "StartTime": NOW.timestamp() - 700,
        "EndTime": NOW.timestamp() - 600,
        "Metadata": {"TrainingJob": {"Arn": "arn:aws:sagemaker:a:1:training-job/t"}},
    }
    execution = nightly.put(
        EXECUTION,
        "demo-training/execution/abcdefghijkl",
        "Succeeded",
        PipelineArn=pipeline_arn,
        StartTime=NOW.timestamp() - 800,
        Steps={"Train": step},
        Parameters={},
    )
    arn = execution["PipelineExecutionArn"]
    return [
        nightly.put(TRAINING_JOB, "train", **training)["TrainingJobArn"],
        nightly.put(PROCESSING_JOB, "process", RoleArn=ROLE)["ProcessingJobArn"],
        nightly.put(TRANSFORM_JOB, "transform", ModelName="gone")["TransformJobArn"],
        nightly.put(HYPER_PARAMETER_TUNING_JOB, "tune", HyperParameterTuningJobConfig={"Strategy": "Random"})[
            "HyperParameterTuningJobArn"
        ],
        nightly.put(
            MODEL_PACKAGE,
            "demo/1",
            ModelPackageGroupName=group["ModelPackageGroupName"],
            ModelPackageVersion=1,
            ModelApprovalStatus="Approved",
        )["ModelPackageArn"],
        arn,
        f"{arn}/step/Train",
    ]


def test_what_no_event_told_is_recorded(nightly: Nightly) -> None:
    arns = everything(nightly)
    assert nightly.run() == {"finished": True, "sent": len(arns)}
    nightly.capture()
    states = [nightly.state_of(arn) for arn in arns]
    assert states == ["Completed"] * 5 + ["Succeeded"] * 2
    assert nightly.captured.store.record(run_id_of(arns[4])).status.approval == "Approved"
    assert {found["observed-by"] for found in nightly.sent} <= {"reconciliation"}


def test_a_second_pass_has_nothing_to_send(nightly: Nightly) -> None:
    everything(nightly)
    nightly.run()
    nightly.capture()
    assert nightly.run(now=NOW + timedelta(hours=1)) == {"finished": True, "sent": 0}
    nightly.sagemaker.calls.clear()
    assert nightly.run(now=NOW + timedelta(days=1)) == {"finished": True, "sent": 0}
    assert not [call for call in nightly.sagemaker.calls if call.startswith("Describe")]


def test_a_pass_without_time_goes_on_where_it_stopped(nightly: Nightly) -> None:
    arns = everything(nightly)
    calls = 0
    while not nightly.run(has_time=iter([True, False]).__next__)["finished"]:
        calls += 1
        assert calls < 20
    assert calls > 3
    assert len(nightly.sent) == len(arns)


def test_an_end_and_an_approval_that_no_event_told_are_found(nightly: Nightly) -> None:
    arns = everything(nightly)
    training, package = arns[0], arns[4]
    nightly.sagemaker.change(training, TrainingJobStatus="InProgress")
    nightly.sagemaker.change(package, ModelApprovalStatus="PendingManualApproval")
    nightly.run()
    nightly.capture()
    later = (NOW + timedelta(hours=1)).timestamp()
    nightly.sagemaker.change(training, TrainingJobStatus="Failed", FailureReason="no memory", LastModifiedTime=later)
    nightly.sagemaker.change(package, ModelApprovalStatus="Rejected", LastModifiedTime=later)
    assert nightly.run(now=NOW + timedelta(days=1))["sent"] == 2
    nightly.capture()
    assert nightly.captured.store.record(run_id_of(training)).status.failure_reason == "no memory"
    assert nightly.captured.store.record(run_id_of(package)).status.approval == "Rejected"


def test_it_looks_back_two_days_behind_the_last_pass_and_no_further(nightly: Nightly) -> None:
    nightly.run()
    old: dict[str, Any] = {
        "CreationTime": NOW.timestamp() - 5 * 86_400,
        "LastModifiedTime": NOW.timestamp() - 3 * 86_400,
    }
    nightly.put(PROCESSING_JOB, "too-old", **old)
    nightly.put(PROCESSING_JOB, "in-the-overlap", LastModifiedTime=NOW.timestamp() - 86_400)
    nightly.run(now=NOW + timedelta(days=1))
    assert [found["detail"]["ProcessingJobName"] for found in nightly.sent] == ["in-the-overlap"]


def test_what_is_deleted_between_list_and_describe_is_left_out(nightly: Nightly) -> None:
    everything(nightly)
    answer = nightly.sagemaker._answer

    def delete_first(request: Any, **about: Any) -> Any:
        if b"DescribeProcessingJob" in request.headers["X-Amz-Target"]:
            nightly.sagemaker.service.store.delete(f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:processing-job/process")
        return answer(request, **about)

    nightly.sagemaker._answer = delete_first  # type: ignore[method-assign]
    assert nightly.run() == {"finished": True, "sent": 6}


def test_more_than_a_page_is_listed(nightly: Nightly) -> None:
    for number in range(230):
        nightly.put(PROCESSING_JOB, f"job-{number:03}", LastModifiedTime=NOW.timestamp() - 600 + number)
    assert nightly.run()["sent"] == 230
