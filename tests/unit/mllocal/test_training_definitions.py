"""Definitions of a tuning job as requests for training jobs."""

from __future__ import annotations

from mllocal.jobs.training_definitions import training_request


def test_what_only_a_tuning_job_has_is_left_out() -> None:
    definition = {"DefinitionName": "a", "StaticHyperParameters": {"b": "1"}, "RoleArn": "role", "VpcConfig": None}

    assert training_request(definition) == {"RoleArn": "role"}


def test_instances_of_a_tuning_job_are_those_of_its_training_jobs() -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10}

    request = training_request({"HyperParameterTuningResourceConfig": resources})

    assert request == {"ResourceConfig": resources}


def test_instance_configurations_are_preferences_in_their_order() -> None:
    configs = [
        {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 20},
    ]

    request = training_request({"HyperParameterTuningResourceConfig": {"InstanceConfigs": configs}})

    preferences = [
        {"InstanceType": "ml.m5.large", "InstanceCount": 2},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
    ]
    assert request == {"ResourceConfig": {"VolumeSizeInGB": 10, "InstancePreferences": preferences}}
