"""What each kind of event says of a run, and that it is a part of a valid record."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mlplatform.experiment_store.experiment_store import CAPTURED
from mlplatform.experiment_store.runtime.capture.events import DETAIL_TYPES, UnknownEventError, observations_of
from mlrecords.codec import to_json
from mlrecords.observations import Observation, fold, order_of, record_of, run_id_of
from mlrecords.record import RunRecord
from tests.unit.experiment_store.sagemaker_state_changes import (
    EXECUTION_ARN,
    SAGEMAKER,
    Event,
    endpoint,
    event,
    execution,
    model_package,
    processing,
    step,
    training,
    transform,
    tuning,
)

ROLE = "arn:aws:iam::123456789012:role/training"
PACKAGE = f"{SAGEMAKER}:model-package/demo/2"


def record(*events: Event) -> RunRecord:
    """The record of the run that the first event is about."""
    observations = [one for found in events for one in observations_of(found)]
    run_id = observations[0].run_id
    document = fold(run_id, [one for one in observations if one.run_id == run_id])
    assert document is not None
    return record_of(document)


def parents(found: RunRecord) -> dict[str, str]:
    return {run_id: parent.relation for run_id, parent in found.parents.items()}


def test_a_training_job_says_code_data_machines_hyperparameters_and_seeds() -> None:
    found = record(
        training(
            "Completed",
            30,
            HyperParameters={
                "sagemaker_program": '"train.py"',
                "sagemaker_submit_directory": '"s3://assets/code.tar.gz"',
                "max_iter": "200",
                "random_state": "7",
            },
            Environment={"STAGE": "dev", "API_TOKEN": "hunter2"},
            RoleArn=ROLE,
            TrainingStartTime="1795402801000",
            TrainingEndTime="1795402830000",
            ModelArtifacts={"S3ModelArtifacts": "s3://artifacts/model/one/output/model.tar.gz"},
            FinalMetricDataList=[
                {"MetricName": "rmse", "Value": 12.5},
                {"MetricName": "broken", "Value": float("nan")},
            ],
        )
    )
    assert found.identity.kind == "training-job"
    assert found.identity.project == "demo"
    assert found.identity.created_by == ROLE
    assert found.code.entry_point == ("train.py",)
    assert found.code.archive_uri == "s3://assets/code.tar.gz"
    assert found.inputs["train"].uri == "s3://artifacts/features/train"
    assert found.outputs["model"].uri == "s3://artifacts/model/one/output/model.tar.gz"
    assert found.environment.machines is not None
    assert found.environment.machines.instance_type == "ml.m5.large"
    assert found.environment.variables["STAGE"] == "dev"
    assert found.algorithm.hyperparameters == {"max_iter": "200", "random_state": "7"}
    assert found.algorithm.seeds == {"random_state": "7"}
    assert {name: metric.value for name, metric in found.metrics.items()} == {"rmse": 12.5}
    assert parents(found) == {run_id_of(EXECUTION_ARN): "execution"}
    assert found.status.started_at is not None
    assert found.status.ended_at is not None
    assert (found.status.ended_at - found.status.started_at).total_seconds() == 29
    assert "hunter2" not in str(to_json(found))


def test_a_request_is_what_the_create_operation_takes() -> None:
    import botocore.loaders
    import botocore.model
    import botocore.validate

    details: dict[str, Any] = {
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "RoleArn": ROLE,
        "SecondaryStatus": "Completed",
        "BillableTimeInSeconds": 62,
    }
    found = record(training("Completed", 30, **details))
    model = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("sagemaker", "service-2"))
    shape = model.operation_model("CreateTrainingJob").input_shape
    report = botocore.validate.ParamValidator().validate(dict(found.request), shape)
    assert report.generate_report() == ""


def test_a_processing_job_says_its_command_its_code_and_the_model_that_it_was_given() -> None:
    found = record(
        processing(
            "Completed",
            30,
            AppSpecification={
                "ImageUri": "registry/sklearn:1.9",
                "ContainerEntrypoint": ["python3", "score.py"],
                "ContainerArguments": ["--model-package-arn", PACKAGE, "--seed", "3"],
            },
            ProcessingInputs=[
                {"InputName": "data", "S3Input": {"S3Uri": "s3://data/raw"}},
                {"InputName": "code", "S3Input": {"S3Uri": "s3://assets/code.tar.gz"}},
            ],
        )
    )
    assert found.code.entry_point[:2] == ("python3", "score.py")
    assert found.code.archive_uri == "s3://assets/code.tar.gz"
    assert {name: data.role for name, data in found.inputs.items()} == {"data": "data", "code": "code"}
    assert found.outputs["validation"].uri == "s3://artifacts/validation"
    assert found.algorithm.seeds == {"seed": "3"}
    assert parents(found) == {run_id_of(EXECUTION_ARN): "execution", run_id_of(PACKAGE): "model"}


def test_a_tuning_job_says_what_its_jobs_share_and_the_best_of_them() -> None:
    best = {
        "TrainingJobName": "tune-1-003",
        "TunedHyperParameters": {"max_iter": "120"},
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "rmse", "Value": 11.0},
    }
    found = record(tuning("Completed", 30, BestTrainingJob=best))
    assert found.algorithm.hyperparameters == {"loss": "poisson", "max_iter": "120"}
    assert found.algorithm.seeds == {"RandomSeed": "7"}
    assert found.metrics["rmse"].value == 11.0
    assert found.outputs["model"].uri == "s3://artifacts/model/tune-1-003/output/model.tar.gz"
    assert found.identity.created_by == ROLE
    one = record(training("Completed", 20, TuningJobArn=found.identity.arn))
    assert parents(one)[found.run_id] == "tuning"


def test_a_step_tells_of_the_job_that_it_ran() -> None:
    of_step, of_job = observations_of(step("Succeeded", 30, stepEndTime="2026-11-23T03:00:29Z"))
    job_arn = f"{SAGEMAKER}:training-job/pipelines-p4-train-1"
    found = record(step("Executing", 1), step("Succeeded", 30))
    assert of_step.run_id == found.run_id
    assert found.status.state == "Succeeded"
    assert parents(found) == {run_id_of(EXECUTION_ARN): "execution", run_id_of(job_arn): "job"}
    assert of_job.run_id == run_id_of(job_arn)
    assert fold(of_job.run_id, [of_job]) is None
    document = fold(of_job.run_id, [of_job, *observations_of(training("Completed", 20, Tags={}))])
    assert document is not None
    assert parents(record_of(document)) == {run_id_of(EXECUTION_ARN): "execution"}


def test_a_step_that_resolved_or_registered_a_model_says_so_of_execution_and_model() -> None:
    resolved = {"Lambda": {"Arn": "f", "OutputParameters": [{"Name": "model_package_arn", "Value": PACKAGE}]}}
    _, of_execution = observations_of(step("Succeeded", 9, stepType="Lambda", metadata=resolved))
    assert of_execution.run_id == run_id_of(EXECUTION_ARN)
    assert of_execution.facts["parents"] == {run_id_of(PACKAGE): {"relation": "model", "arn": PACKAGE}}
    registered = {"RegisterModel": {"Arn": PACKAGE}}
    _, of_model = observations_of(step("Succeeded", 9, stepType="RegisterModel", metadata=registered))
    assert of_model.run_id == run_id_of(PACKAGE)
    assert run_id_of(EXECUTION_ARN) in of_model.facts["parents"]


def test_a_step_out_of_the_cache_made_nothing() -> None:
    source = EXECUTION_ARN.replace("p4jn9xou8a8s", "earlier00000")
    (only,) = observations_of(step("Succeeded", 9, cacheHitResult={"sourcePipelineExecutionArn": source}))
    assert only.facts["tags"]["sagemaker:cache-hit"] == source


def test_an_endpoint_is_in_the_words_of_the_api() -> None:
    assert record(endpoint("IN_SERVICE", 30)).status.state == "InService"


def test_a_model_version_has_its_image_by_digest_and_its_approval() -> None:
    containers = [{"Image": "registry/sklearn:1.9", "ImageDigest": "sha256:1", "ModelDataUrl": "s3://m/model.tar.gz"}]
    found = record(model_package("Approved", 30, InferenceSpecification={"Containers": containers}))
    assert found.status.approval == "Approved"
    assert found.environment.image is not None
    assert found.environment.image.digest == "sha256:1"
    assert found.outputs["model"].uri == "s3://m/model.tar.gz"
    assert parents(found) == {run_id_of(EXECUTION_ARN): "execution"}


@pytest.mark.parametrize(
    "pair",
    [
        (training("InProgress", 1), training("Completed", 2)),
        (transform("InProgress", 1), transform("Completed", 1)),
        (execution("Executing", 5), execution("Succeeded", 5)),
        (model_package("PendingManualApproval", 1), model_package("Approved", 1)),
        (model_package("Approved", 1), model_package("Rejected", 2)),
        (endpoint("CREATING", 1), endpoint("IN_SERVICE", 1)),
    ],
)
def test_states_are_in_order_even_within_one_second(pair: tuple[Event, Event]) -> None:
    earlier, later = pair
    assert observations_of(earlier)[0].order < observations_of(later)[0].order
    assert record(later, earlier) == record(earlier, later)


def test_duplicated_and_shuffled_events_make_the_record_of_the_ordered_ones() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    events = [
        *[training("InProgress", second, SecondaryStatus=str(second)) for second in (1, 2, 9)],
        training("Stopping", 20),
        training("Stopped", 30, FailureReason="stopped by hand"),
    ]
    arrived = [*events, *events]
    random.Random(seed).shuffle(arrived)
    assert record(*arrived) == record(*events)
    assert record(*arrived).status.failure_reason == "stopped by hand"


def test_a_retried_execution_that_succeeds_has_no_failure() -> None:
    failed = execution("Failed", 10, failureReason="no capacity")
    found = record(execution("Executing", 1), failed, execution("Executing", 20), execution("Succeeded", 40))
    assert (found.status.state, found.status.failure_reason) == ("Succeeded", "")


def test_an_observation_of_the_platform_is_taken_as_it_is() -> None:
    said = Observation(run_id="0" * 32, source="note", order=order_of(1), facts={"tags": {"a": "b"}})
    assert observations_of(event("ML Platform Run Observation", 1, to_json(said))) == [said]


def test_what_the_rule_lets_in_is_what_capture_knows() -> None:
    assert set(CAPTURED) == set(DETAIL_TYPES)
    with pytest.raises(UnknownEventError, match="Feature Group"):
        observations_of(event("SageMaker Feature Group State Change", 1, {}))


@pytest.mark.parametrize("make", [training, processing, transform, tuning, model_package, endpoint, execution, step])
def test_every_kind_makes_a_valid_record_with_account_and_region(make: Any) -> None:
    found = record(make("Completed", 1))
    assert (found.identity.account, found.identity.region) == ("123456789012", "us-east-1")
    assert found.identity.created_at is not None
