"""Memory limits of instance types, and faults of the service on request: capacity, internal errors, spot interruptions."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from mlpipelines import ProcessingStep
from tests.local.job_requests import archive_of, processing_request, training_request
from tests.local.workbench import IMAGE, ROLE, Workbench

_SPOT = """
import pathlib, time
state = pathlib.Path("/opt/ml/checkpoints/epoch")
if not state.exists():
    print("from the start")
    state.write_text("3")
    pathlib.Path("/opt/ml/model/of-the-lost-instance").write_text("1")
    time.sleep(60)
print("from epoch", state.read_text())
pathlib.Path("/opt/ml/model/epochs").write_text(state.read_text())
"""
_FAULT = "mlp:fault"


def test_a_job_that_needs_more_memory_than_its_instance_type_has_is_killed(workbench: Workbench) -> None:
    if psutil.virtual_memory().available < 6 * 1024**3:
        pytest.skip(
            "this machine has not the 6 GiB to pass the limit of ml.t3.medium; the unit test kills at a small limit"
        )
    request = processing_request("too-much", "unused")
    request["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.t3.medium"
    request["AppSpecification"]["ContainerEntrypoint"] = [
        "python3",
        "-c",
        "import time; hoard = [b'x' * 2**28 for _ in range(18)]; time.sleep(20)",
    ]
    workbench.sagemaker.create_processing_job(**request)

    job = workbench.wait_for_job("processing", "too-much")

    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an instance, "
        "exit code: 137"
    )


def test_an_instance_type_that_is_not_known_runs_without_limit_and_the_log_says_so(workbench: Workbench) -> None:
    request = processing_request("no-limit", "true")
    request["ProcessingResources"]["ClusterConfig"]["InstanceType"] = "ml.m4.xlarge"
    workbench.sagemaker.create_processing_job(**request)

    workbench.wait_for_job("processing", "no-limit")

    assert any("without a memory limit" in line for line in workbench.log_lines("ProcessingJobs", "no-limit"))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("capacity:1", "CapacityError: Unable to provision requested ML compute capacity."),
        ("internal:1", "InternalServerError: We encountered an internal error."),
    ],
)
def test_a_job_fails_as_the_service_does_when_it_is_asked_to(workbench: Workbench, fault: str, reason: str) -> None:
    name = fault.replace(":", "-")
    workbench.sagemaker.create_processing_job(
        **processing_request(name, "true", Tags=[{"Key": _FAULT, "Value": fault}])
    )

    assert workbench.wait_for_job("processing", name)["FailureReason"].startswith(reason)


@pytest.mark.parametrize(
    ("fault", "selected"),
    [
        ("", ("ml.m5.large", 2)),
        ("capacity:1", ("ml.m5.xlarge", 1)),
        ("capacity:ml.m5.large", ("ml.m5.xlarge", 1)),
        ("capacity:2", None),
    ],
)
def test_the_first_preferred_instance_type_with_capacity_is_selected(
    workbench: Workbench, fault: str, selected: tuple[str, int] | None
) -> None:
    name = f"preferences-{fault.partition(':')[2].replace('.', '-')}x"
    request = processing_request(name, "true", Environment={"MLP_FAULT": fault})
    request["ProcessingResources"]["ClusterConfig"] = {
        "InstancePreferences": [{"InstanceType": "ml.m5.large", "InstanceCount": 2}, {"InstanceType": "ml.m5.xlarge"}],
        "InstanceCount": 1,
        "VolumeSizeInGB": 30,
    }
    workbench.sagemaker.create_processing_job(**request)

    job = workbench.wait_for_job("processing", name)

    cluster = job["ProcessingResources"]["ClusterConfig"]
    if selected is None:
        assert job["FailureReason"].startswith("CapacityError:")
        assert "SelectedInstanceType" not in cluster
    else:
        assert job["ProcessingJobStatus"] == "Completed", job
        assert (cluster["SelectedInstanceType"], cluster["SelectedInstanceCount"]) == selected


def test_a_training_job_runs_on_the_instances_it_prefers(workbench: Workbench) -> None:
    script = "import os; print('hosts', os.environ['SM_HOSTS'], os.environ['SM_CURRENT_INSTANCE_TYPE'])"
    request = training_request(workbench, "preferring", script)
    request["ResourceConfig"] = {
        "InstancePreferences": [{"InstanceType": "ml.m5.xlarge"}, {"InstanceType": "ml.m5.large"}],
        "InstanceCount": 2,
        "VolumeSizeInGB": 30,
    }
    workbench.sagemaker.create_training_job(**request)

    job = workbench.wait_for_job("training", "preferring")

    assert job["TrainingJobStatus"] == "Completed", job
    assert job["ResourceConfig"]["SelectedInstanceType"] == "ml.m5.xlarge"
    assert 'hosts ["algo-1", "algo-2"] ml.m5.xlarge' in workbench.log_lines("TrainingJobs", "preferring")


def test_attempts_are_counted_for_each_step_of_an_execution(workbench: Workbench) -> None:
    tags = [
        {"Key": _FAULT, "Value": "capacity:1 internal:1"},
        {
            "Key": "sagemaker:pipeline-execution-arn",
            "Value": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/e",
        },
        {"Key": "sagemaker:pipeline-step-name", "Value": "Train"},
    ]
    outcomes = []
    for attempt in range(3):
        workbench.sagemaker.create_processing_job(**processing_request(f"attempt-{attempt}", "true", Tags=tags))
        job = workbench.wait_for_job("processing", f"attempt-{attempt}")
        outcomes.append(job.get("FailureReason", job["ProcessingJobStatus"]).split(":")[0])

    assert outcomes == ["CapacityError", "InternalServerError", "Completed"]


def test_a_step_asks_for_faults_by_its_environment(workbench: Workbench) -> None:
    step = ProcessingStep(
        name="Unlucky",
        image_uri=IMAGE,
        role_arn=ROLE,
        instance_type="ml.m5.large",
        entrypoint=("true",),
        environment={"MLP_FAULT": "capacity:1"},
    )

    assert workbench.run(step).reason("Unlucky").startswith("CapacityError:")


def test_a_spot_job_is_interrupted_and_continues_from_its_checkpoint_on_new_instances(workbench: Workbench) -> None:
    request = {
        **training_request(workbench, "spot", _SPOT),
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
        "CheckpointConfig": {"S3Uri": workbench.uri("spot/checkpoints")},
        "Tags": [{"Key": _FAULT, "Value": "spot:4s"}],
    }
    workbench.sagemaker.create_training_job(**request)

    job = workbench.wait_for_job("training", "spot")

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    attempt = ["Starting", "Downloading", "Training"]
    assert statuses == [*attempt, "Interrupted", *attempt, "Uploading", "Completed"]
    lines = workbench.log_lines("TrainingJobs", "spot")
    assert {"from the start", "from epoch 3"} <= set(lines)
    assert archive_of(workbench, "spot/models/spot/output/model.tar.gz") == {"epochs": "3"}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Tags": [{"Key": _FAULT, "Value": "lightning:1"}]}, "'lightning:1' asks for no fault there is"),
        ({"Tags": [{"Key": _FAULT, "Value": "spot:3s"}]}, "set EnableManagedSpotTraining"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
    ],
)
def test_faults_and_spot_settings_without_meaning_are_refused(
    workbench: Workbench, members: dict[str, Any], message: str
) -> None:
    request = {**training_request(workbench, "refused-fault", "pass"), **members}

    with pytest.raises(ClientError, match=message):
        workbench.sagemaker.create_training_job(**request)


def test_a_spot_job_for_which_no_instance_comes_waits_as_long_as_it_may(workbench: Workbench) -> None:
    request = training_request(workbench, "waiting", "print('never')")
    request["EnableManagedSpotTraining"] = True
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    workbench.sagemaker.create_training_job(**request, Environment={"MLP_FAULT": "spot:none"})

    job = workbench.wait_for_job("training", "waiting")

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert "TrainingStartTime" not in job
