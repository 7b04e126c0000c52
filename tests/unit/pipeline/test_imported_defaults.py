"""What the jobs of a definition that was made elsewhere get from the project, where they do not say it themselves."""

from __future__ import annotations

from typing import Any

import pytest

from mlpipelines import NetworkConfig
from mlpipelines.imported import texts, with_texts
from mlpipelines.imported_defaults import JobDefaults, with_job_defaults
from tests.unit.mlpipelines import samples
from tests.unit.pipeline.made_elsewhere import definition, evaluate


def test_texts_know_their_step_and_the_way_to_it() -> None:
    body = definition(samples.fork("Check", if_steps=[samples.call("Inner")]))

    places = {place.text: str(place) for place in texts(body)}

    assert places[samples.FUNCTION] == "step 'Inner', FunctionArn"
    assert with_texts(body, lambda place: place.text) == body


def test_defaults_leave_what_a_job_says_itself() -> None:
    step = evaluate("s3://b/x")
    step["Arguments"]["NetworkConfig"] = {"EnableNetworkIsolation": True}
    step["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"] = "theirs"
    network = NetworkConfig(subnets=("subnet-1",), security_group_ids=("sg-1",))
    defaults = JobDefaults(kms_key_id="ours", volume_kms_key_id=lambda kind: None, network=network)

    (made,) = with_job_defaults(definition(step), defaults)["Steps"]

    assert made["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"] == "theirs"
    assert made["Arguments"]["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert made["Arguments"]["NetworkConfig"]["VpcConfig"] == network.vpc_config()
    assert "VolumeKmsKeyId" not in made["Arguments"]["ProcessingResources"]["ClusterConfig"]


@pytest.mark.parametrize(
    ("step_type", "path"),
    [
        ("Training", ()),
        ("Tuning", ("TrainingJobDefinition",)),
        ("Model", ()),
    ],
)
def test_the_network_reaches_every_kind_of_job(step_type: str, path: tuple[str, ...]) -> None:
    arguments: dict[str, Any] = {"TrainingJobDefinition": {}} if path else {}
    body = definition({"Name": "S", "Type": step_type, "Arguments": arguments})
    network = NetworkConfig(subnets=("subnet-1",), security_group_ids=("sg-1",), encrypt_inter_container_traffic=True)
    defaults = JobDefaults(kms_key_id="k", volume_kms_key_id=lambda kind: None, network=network, tags={"project": "p"})

    (made,) = with_job_defaults(body, defaults)["Steps"]

    job = made["Arguments"][path[0]] if path else made["Arguments"]
    assert job["VpcConfig"] == network.vpc_config()
    assert ("EnableInterContainerTrafficEncryption" in job) is (step_type != "Model")
    assert made["Arguments"]["Tags"] == [{"Key": "project", "Value": "p"}]


def test_the_key_reaches_the_volumes_of_tuning_in_both_forms() -> None:
    machine = {"InstanceType": "ml.m5.large"}
    jobs = [{"ResourceConfig": machine}, {"HyperParameterTuningResourceConfig": machine}]
    body = definition({"Name": "S", "Type": "Tuning", "Arguments": {"TrainingJobDefinitions": jobs}})

    (made,) = with_job_defaults(body, JobDefaults(kms_key_id="k", volume_kms_key_id=lambda kind: "v"))["Steps"]

    resources = [next(iter(job.values())) for job in made["Arguments"]["TrainingJobDefinitions"]]
    assert [resource["VolumeKmsKeyId"] for resource in resources] == ["v", "v"]


@pytest.mark.parametrize(("second", "key"), [("ml.m5.xlarge", "v"), ("ml.g5.xlarge", None)])
def test_the_key_is_for_volumes_that_every_preferred_type_has(second: str, key: str | None) -> None:
    preferences = [{"InstanceType": "ml.m5.large"}, {"InstanceType": second}]
    resources = {"ResourceConfig": {"InstancePreferences": preferences}}
    body = definition({"Name": "S", "Type": "Training", "Arguments": resources})
    defaults = JobDefaults(kms_key_id="k", volume_kms_key_id=lambda kind: None if "g5" in kind else "v")

    (made,) = with_job_defaults(body, defaults)["Steps"]

    assert made["Arguments"]["ResourceConfig"].get("VolumeKmsKeyId") == key


@pytest.mark.parametrize(("given", "expected"), [(None, 7200), (60, 60)])
@pytest.mark.parametrize("step_type", ["Processing", "Training"])
def test_a_job_that_does_not_say_how_long_it_may_run_gets_the_projects_limit(
    step_type: str, given: int | None, expected: int
) -> None:
    """IAM refuses a job without one: what it lacks cannot be held against the limit."""
    arguments = {} if given is None else {"StoppingCondition": {"MaxRuntimeInSeconds": given}}
    defaults = JobDefaults(kms_key_id="k", volume_kms_key_id=lambda kind: None, max_runtime_seconds=7200)

    (made,) = with_job_defaults(definition({"Name": "S", "Type": step_type, "Arguments": arguments}), defaults)["Steps"]

    assert made["Arguments"]["StoppingCondition"] == {"MaxRuntimeInSeconds": expected}
