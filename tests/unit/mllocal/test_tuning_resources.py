"""SDK 2 writes what the jobs of a tuning job run on under a name of its own."""

from __future__ import annotations

from mllocal.jobs.tuning_resources import resource_refusals, with_resource_config

MACHINE = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}


def test_either_name_is_what_the_training_jobs_run_on() -> None:
    flexible = {"RoleArn": "r", "HyperParameterTuningResourceConfig": {**MACHINE, "AllocationStrategy": "Prioritized"}}

    assert with_resource_config(flexible)["ResourceConfig"] == MACHINE
    assert with_resource_config({"ResourceConfig": MACHINE}) == {"ResourceConfig": MACHINE}


def test_a_choice_between_instance_types_and_both_names_are_refused() -> None:
    several = {"HyperParameterTuningResourceConfig": {"InstanceConfigs": [MACHINE]}, "ResourceConfig": MACHINE}

    both, choice = resource_refusals(several, "TrainingJobDefinition")

    assert both == ("TrainingJobDefinition has ResourceConfig and HyperParameterTuningResourceConfig; give one of them")
    assert choice.startswith("TrainingJobDefinition.HyperParameterTuningResourceConfig.InstanceConfigs is not one")
    assert list(resource_refusals({"HyperParameterTuningResourceConfig": MACHINE}, "d")) == []
    assert list(resource_refusals({"ResourceConfig": MACHINE}, "d")) == []
