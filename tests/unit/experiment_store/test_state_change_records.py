from __future__ import annotations

import pytest

from mlplatform.experiment_store.runtime.capture.events import record_of, safe_key, taggable_arn
from tests.unit.experiment_store.sagemaker_state_changes import (
    EXECUTION_ARN,
    SAGEMAKER,
    Event,
    execution,
    model_package,
    processing,
    training,
    transform,
)


def test_a_training_job_says_code_data_machines_and_hyperparameters() -> None:
    record = record_of(training("Completed", 30))
    assert record.params == {"max_iter": "200", "loss": "poisson"}
    assert (
        record.tags.items()
        >= {
            "project": "demo",
            "sagemaker.arn": f"{SAGEMAKER}:training-job/pipelines-p4-train-1",
            "sagemaker.image": "registry/sklearn:1.9",
            "sagemaker.input.train": "s3://artifacts/features/train",
            "sagemaker.instance_count": "1",
            "sagemaker.instance_type": "ml.m5.large",
            "sagemaker.kind": "training-job",
            "sagemaker.output.model": "s3://artifacts/model",
            "sagemaker.pipeline_execution_arn": EXECUTION_ARN,
            "sagemaker.program": "train.py",
            "sagemaker.status": "Completed",
        }.items()
    )


@pytest.mark.parametrize(
    ("event", "kind", "status"),
    [
        (training("InProgress", 1), "training-job", "RUNNING"),
        (processing("Failed", 1), "processing-job", "FAILED"),
        (transform("Stopped", 1), "transform-job", "KILLED"),
        (execution("Executing", 1), "pipeline-execution", "RUNNING"),
        (execution("Succeeded", 1), "pipeline-execution", "FINISHED"),
        (model_package("Approved", 1), "model-package", "FINISHED"),
    ],
)
def test_every_kind_of_state_change_becomes_a_record(event: Event, kind: str, status: str) -> None:
    record = record_of(event)
    assert (record.kind, record.status) == (kind, status)
    assert record.started_ms == 1795402800000
    assert record.tags["sagemaker.arn"] == record.arn


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (training("InProgress", 1), training("Completed", 2)),
        (transform("InProgress", 1), transform("Completed", 1)),
        (execution("Executing", 5), execution("Succeeded", 5)),
        (model_package("PendingManualApproval", 1), model_package("Approved", 1)),
        (model_package("Approved", 1), model_package("Rejected", 2)),
    ],
)
def test_records_of_one_resource_are_in_order_even_within_one_second(earlier: Event, later: Event) -> None:
    order = "sagemaker.event_order"
    assert record_of(earlier).tags[order] < record_of(later).tags[order]


@pytest.mark.parametrize(
    "event",
    [execution("Executing", 1), training("Completed", 1), processing("Completed", 1), model_package("Approved", 1)],
)
def test_one_tag_finds_an_execution_and_everything_that_it_made(event: Event) -> None:
    assert record_of(event).tags["sagemaker.pipeline_execution_arn"] == EXECUTION_ARN


def test_tags_in_list_form_are_read_too() -> None:
    event = processing("Completed", 1, Tags=[{"Key": "project", "Value": "other"}])
    assert record_of(event).tags["project"] == "other"


def test_tags_are_asked_for_where_sagemaker_keeps_them() -> None:
    assert taggable_arn(record_of(execution("Executing", 1))) == f"{SAGEMAKER}:pipeline/demo-training"
    assert taggable_arn(record_of(model_package("Approved", 1))) == f"{SAGEMAKER}:model-package-group/demo"
    assert taggable_arn(record_of(transform("Stopped", 1))) == f"{SAGEMAKER}:transform-job/pipelines-p4-predict-1"


def test_a_failure_keeps_its_reason_within_what_mlflow_takes() -> None:
    record = record_of(training("Failed", 1, FailureReason="x" * 9000))
    assert record.tags["sagemaker.failure_reason"] == "x" * 5000
    assert safe_key("a{b}" + "c" * 300) == "a_b_" + "c" * 246
