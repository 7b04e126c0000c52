"""The capture against a real S3 emulator and real queues; SageMaker's answers are botocore stubs."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from mlrecords.observations import run_id_of
from tests.unit.experiment_store.capturing import Captured, messages
from tests.unit.experiment_store.sagemaker_state_changes import (
    EXECUTION_ARN,
    SAGEMAKER,
    Event,
    endpoint,
    event,
    execution,
    model_package,
    processing,
    training,
    transform,
)

MOMENT = datetime(2026, 11, 23, 3, 0, 20, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/training"
PACKAGE = f"{SAGEMAKER}:model-package/demo/2"


def arn(kind: str, name: str) -> str:
    return f"{SAGEMAKER}:{kind}/{name}"


def finished(second: int, **detail: Any) -> Event:
    """A training job that is over, with its metrics, so that SageMaker is asked nothing."""
    return training("Completed", second, FinalMetricDataList=[{"MetricName": "rmse", "Value": 12.5}], **detail)


def test_events_become_one_record_which_the_projection_is_told_of(captured: Captured) -> None:
    assert captured.deliver(training("InProgress", 1), finished(30)) == []
    (run_id,) = captured.run_ids()
    record = captured.store.record(run_id)
    assert record.status.state == "Completed"
    assert record.metrics["rmse"].value == 12.5
    assert captured.announced() == [run_id]


def test_duplicated_and_shuffled_events_end_as_the_ordered_ones_do(captured: Captured) -> None:
    seed = int(os.environ.get("CAPTURE_SEED", random.randrange(2**32)))
    print(f"seed {seed}; repeat with CAPTURE_SEED={seed}")
    chance = random.Random(seed)
    events = [
        *[processing("InProgress", second, ExitMessage=str(second)) for second in (1, 2, 9)],
        processing("Stopping", 20),
        processing("Stopped", 30, FailureReason="stopped by hand"),
    ]
    deliveries = [*events, *chance.choices(events, k=4)]
    chance.shuffle(deliveries)
    assert captured.deliver(*deliveries) == []
    (run_id,) = captured.run_ids()
    assert captured.store.record(run_id).status.state == "Stopped"


def test_two_ends_of_one_job_at_the_same_moment_are_one_run(captured: Captured) -> None:
    batches = [messages([processing("InProgress", 1)]), messages([processing("Completed", 2)])] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(captured.capture.batch, batches))
    assert answers == [{"batchItemFailures": []}] * 8
    (run_id,) = captured.run_ids()
    assert captured.store.record(run_id).status.state == "Completed"


def test_a_message_that_cannot_be_captured_fails_alone(captured: Captured) -> None:
    broken = event("ML Platform Run Observation", 1, {"run_id": "x"})
    unknown = event("SageMaker Image State Change", 1, {})
    assert captured.deliver(processing("Completed", 1), broken, unknown) == ["message-1", "message-2"]
    assert len(captured.run_ids()) == 1


def test_tags_that_the_events_lack_are_asked_for_where_sagemaker_keeps_them(captured: Captured) -> None:
    tags = [{"Key": "project", "Value": "demo"}, {"Key": "sagemaker:pipeline-execution-arn", "Value": EXECUTION_ARN}]
    captured.stub.add_response("list_tags", {"Tags": tags}, {"ResourceArn": arn("processing-job", "bare")})
    captured.stub.add_response(
        "list_tags", {"Tags": tags[:1]}, {"ResourceArn": f"{SAGEMAKER}:model-package-group/demo"}
    )
    started_by_nobody(captured)
    bare = processing("InProgress", 1, name="bare", Tags={})
    assert captured.deliver(bare, processing("Completed", 9, name="bare", Tags={}), model_package("Approved", 3)) == []
    record = captured.store.record(run_id_of(arn("processing-job", "bare")))
    assert record.identity.project == "demo"
    assert record.parents[run_id_of(EXECUTION_ARN)].relation == "execution"
    of_model = captured.store.record(run_id_of(PACKAGE))
    assert (of_model.identity.project, of_model.identity.created_by) == ("demo", ROLE)
    captured.stub.assert_no_pending_responses()


def started_by_nobody(captured: Captured) -> None:
    """SageMaker names nobody for an execution that a schedule started: then it is the pipeline's role."""
    captured.stub.add_response("describe_pipeline_execution", {}, {"PipelineExecutionArn": EXECUTION_ARN})
    pipeline = {"PipelineName": "demo-training", "RoleArn": ROLE}
    captured.stub.add_response("describe_pipeline", pipeline, {"PipelineName": "demo-training"})


def test_an_execution_says_who_started_it_and_with_which_parameters(captured: Captured) -> None:
    profile = f"{SAGEMAKER}:user-profile/d-1/aiko"
    pipeline = f"{SAGEMAKER}:pipeline/demo-training"
    captured.stub.add_response("list_tags", {"Tags": [{"Key": "project", "Value": "demo"}]}, {"ResourceArn": pipeline})
    described = {"PipelineArn": pipeline, "PipelineVersionId": 3, "CreatedBy": {"UserProfileArn": profile}}
    for _ in range(2):
        captured.stub.add_response("describe_pipeline_execution", described, {"PipelineExecutionArn": EXECUTION_ARN})
    parameters = [{"Name": "rows", "Value": "100"}]
    captured.stub.add_response(
        "list_pipeline_parameters_for_execution",
        {"PipelineParameters": parameters},
        {"PipelineExecutionArn": EXECUTION_ARN},
    )
    assert captured.deliver(execution("Executing", 1), execution("Succeeded", 9)) == []
    record = captured.store.record(run_id_of(EXECUTION_ARN))
    assert record.identity.created_by == profile
    assert record.request["PipelineParameters"] == parameters
    assert record.request["PipelineVersionId"] == 3
    captured.stub.assert_no_pending_responses()


def described_training(name: str, **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "TrainingJobArn": arn("training-job", name),
        "ModelArtifacts": {"S3ModelArtifacts": f"s3://artifacts/model/{name}/output/model.tar.gz"},
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 30},
        "StoppingCondition": {},
        "CreationTime": MOMENT,
        **more,
    }


def test_final_metrics_are_asked_for_when_a_training_job_is_over(captured: Captured) -> None:
    metrics = [
        {"MetricName": "validation:rmse", "Value": 12.5, "Timestamp": MOMENT},
        {"MetricName": "broken", "Value": float("nan"), "Timestamp": MOMENT},
    ]
    described = described_training("measured", FinalMetricDataList=metrics)
    captured.stub.add_response("describe_training_job", described, {"TrainingJobName": "measured"})
    assert captured.deliver(training("InProgress", 1, name="measured"), training("Completed", 9, name="measured")) == []
    record = captured.store.record(run_id_of(arn("training-job", "measured")))
    assert {name: metric.value for name, metric in record.metrics.items()} == {"validation:rmse": 12.5}


def test_a_model_version_comes_from_the_training_job_that_wrote_its_data(captured: Captured) -> None:
    uri = "s3://artifacts/model/maker/output/model.tar.gz"
    captured.stub.add_response("list_tags", {"Tags": [{"Key": "project", "Value": "demo"}]})
    started_by_nobody(captured)
    captured.stub.add_response("describe_training_job", described_training("maker"), {"TrainingJobName": "maker"})
    specification = {"Containers": [{"Image": "registry/sklearn:1.9", "ModelDataUrl": uri}]}
    assert captured.deliver(model_package("Approved", 3, InferenceSpecification=specification)) == []
    parents = captured.store.record(run_id_of(PACKAGE)).parents
    assert parents[run_id_of(arn("training-job", "maker"))].relation == "job"


def test_what_serves_a_model_comes_from_its_model_version(captured: Captured) -> None:
    container = {"Image": "registry/sklearn:1.9", "ModelDataUrl": "s3://artifacts/model.tar.gz"}
    model = {"ModelName": "m", "ModelArn": arn("model", "m"), "CreationTime": MOMENT}
    package = {
        "ModelPackageName": "demo",
        "ModelPackageArn": PACKAGE,
        "CreationTime": MOMENT,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {"Containers": [container]},
    }
    configuration = {
        "EndpointConfigName": "demo-config",
        "EndpointConfigArn": arn("endpoint-config", "demo-config"),
        "ProductionVariants": [{"VariantName": "all", "ModelName": "m"}],
        "CreationTime": MOMENT,
    }
    for answers in ({}, {"describe_endpoint_config": configuration}):
        for operation, answer in answers.items():
            captured.stub.add_response(operation, answer)
        captured.stub.add_response("describe_model", {**model, "PrimaryContainer": {"ModelPackageName": PACKAGE}})
        captured.stub.add_response("describe_model_package", package, {"ModelPackageName": PACKAGE})
    events = [transform("InProgress", 1), transform("Completed", 9), endpoint("IN_SERVICE", 9)]
    assert captured.deliver(*events) == []
    for run in (arn("transform-job", "pipelines-p4-predict-1"), arn("endpoint", "demo")):
        record = captured.store.record(run_id_of(run))
        assert record.parents[run_id_of(PACKAGE)].relation == "model"
        assert record.inputs["model"].uri == "s3://artifacts/model.tar.gz"
        assert record.environment.image is not None
    captured.stub.assert_no_pending_responses()


def test_what_is_deleted_meanwhile_stays_open(captured: Captured) -> None:
    captured.stub.add_client_error("describe_endpoint_config", "ValidationException", "Could not find endpoint config")
    assert captured.deliver(endpoint("DELETING", 1)) == []
    assert captured.store.record(run_id_of(arn("endpoint", "demo"))).environment.image is None


def test_a_question_that_is_throttled_is_asked_again_with_the_message(captured: Captured) -> None:
    captured.stub.add_client_error("list_tags", "ThrottlingException", "Rate exceeded")
    bare = processing("Completed", 1, Tags={})
    assert captured.deliver(bare) == ["message-0"]
    captured.stub.add_response("list_tags", {"Tags": [{"Key": "project", "Value": "demo"}]})
    assert captured.deliver(bare) == []
    (run_id,) = captured.run_ids()
    assert captured.store.record(run_id).identity.project == "demo"


def test_the_projection_is_told_once_of_the_same_record(captured: Captured) -> None:
    captured.deliver(processing("Completed", 1))
    captured.deliver(processing("Completed", 1))
    assert captured.announced() == captured.run_ids()
