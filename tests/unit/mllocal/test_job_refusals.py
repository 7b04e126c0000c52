"""What jobs may ask for that the embedded AWS does not do, also in a pipeline's steps with their expressions."""

from __future__ import annotations

from typing import Any

import pytest

from mllocal.jobs.refusals import refusals

_PARAMETER = {"Get": "Parameters.Anything"}
_TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": "image:1", "TrainingInputMode": _PARAMETER},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "InputMode": _PARAMETER,
            "DataSource": {"S3DataSource": {"S3DataType": _PARAMETER, "S3Uri": _PARAMETER}},
        }
    ],
    "ResourceConfig": {"InstanceType": _PARAMETER, "InstanceCount": _PARAMETER},
    "EnableManagedSpotTraining": _PARAMETER,
    "StoppingCondition": {"MaxRuntimeInSeconds": _PARAMETER, "MaxWaitTimeInSeconds": _PARAMETER},
    "CheckpointConfig": {"S3Uri": _PARAMETER, "LocalPath": _PARAMETER},
    "Environment": {"MLP_FAULT": _PARAMETER},
}
_PROCESSING = {
    "ProcessingInputs": [{"InputName": "a", "S3Input": {"LocalPath": _PARAMETER, "S3InputMode": _PARAMETER}}],
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "b", "S3Output": {"LocalPath": _PARAMETER}}]},
    "ProcessingResources": {"ClusterConfig": {"InstanceType": _PARAMETER, "InstanceCount": _PARAMETER}},
}
_TRANSFORM = {
    "TransformInput": {"SplitType": _PARAMETER, "ContentType": _PARAMETER, "DataSource": _PARAMETER},
    "TransformOutput": {"Accept": _PARAMETER},
    "DataProcessing": {"JoinSource": "Input"},
    "MaxConcurrentTransforms": _PARAMETER,
    "MaxPayloadInMB": 6,
}
_RANGE = {"Name": "x", "MinValue": _PARAMETER, "MaxValue": "1"}
_TUNING: dict[str, Any] = {
    "HyperParameterTuningJobConfig": {
        "Strategy": _PARAMETER,
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": _PARAMETER},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": _PARAMETER, "MaxParallelTrainingJobs": _PARAMETER},
        "ParameterRanges": {"ContinuousParameterRanges": [_RANGE], "CategoricalParameterRanges": _PARAMETER},
        "TrainingJobEarlyStoppingType": _PARAMETER,
    },
    "TrainingJobDefinition": {**_TRAINING, "StaticHyperParameters": _PARAMETER},
}


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        ("TrainingJob", _TRAINING),
        ("ProcessingJob", _PROCESSING),
        ("TransformJob", _TRANSFORM),
        ("HyperParameterTuningJob", _TUNING),
        ("Model", {"Containers": _PARAMETER}),
        ("ModelPackage", {"ModelPackageGroupName": _PARAMETER, "InferenceSpecification": _PARAMETER}),
    ],
)
def test_expressions_are_taken_for_possible(kind: str, request_: dict[str, Any]) -> None:
    assert refusals(kind, request_) == []


def test_every_problem_of_a_request_is_named_at_once() -> None:
    channel = {"ChannelName": "train", "InputMode": "Pipe", "DataSource": {"FileSystemDataSource": {}}}
    request = {
        **_TRAINING,
        "InputDataConfig": [channel],
        "ResourceConfig": {"InstanceGroups": []},
        "OutputDataConfig": {"CompressionType": "NONE"},
        "CheckpointConfig": {"LocalPath": "/elsewhere"},
        "ModelPackageConfig": {},
    }

    problems = refusals("TrainingJob", request)

    fields = (
        "InputDataConfig['train'].DataSource",
        "ResourceConfig",
        "OutputDataConfig",
        "ModelPackageConfig",
        "CheckpointConfig",
    )
    assert [next(field for field in fields if problem.startswith(field)) for problem in problems] == list(fields)


@pytest.mark.parametrize(
    ("configuration", "field"),
    [
        ({"Strategy": "Grid"}, "HyperParameterTuningJobConfig.ParameterRanges.ContinuousParameterRanges"),
        ({"ParameterRanges": {}}, "HyperParameterTuningJobConfig.ParameterRanges: ParameterRanges holds no range"),
        ({"ResourceLimits": {}, "Strategy": "Random"}, "HyperParameterTuningJobConfig.ResourceLimits.MaxNumber"),
        ({"HyperParameterTuningJobObjective": None}, "HyperParameterTuningJobConfig.HyperParameterTuningJobObjective"),
    ],
)
def test_what_a_tuning_job_cannot_do_is_named_by_its_field(configuration: dict[str, Any], field: str) -> None:
    request = {
        **_TUNING,
        "HyperParameterTuningJobConfig": {**_TUNING["HyperParameterTuningJobConfig"], **configuration},
    }

    (problem,) = refusals("HyperParameterTuningJob", request)

    assert problem.startswith(field)


def test_a_package_that_asks_for_validation_jobs_is_refused() -> None:
    request = {
        "ModelPackageGroupName": "forecast",
        "InferenceSpecification": {"Containers": [{"Image": "image:1"}]},
        "ValidationSpecification": {"ValidationRole": "role", "ValidationProfiles": []},
    }

    (problem,) = refusals("ModelPackage", request)

    assert problem.startswith("ValidationSpecification runs transform jobs")


@pytest.mark.parametrize(
    ("resources", "problems"),
    [
        ({"InstancePreferences": _PARAMETER, "InstanceCount": 1}, []),
        ({"InstancePreferences": [{"InstanceType": "ml.m5.large", "InstanceCount": 1}]}, []),
        ({"InstancePreferences": [{"InstanceType": "ml.m5.large"}]}, ["ResourceConfig.InstanceCount is missing"]),
        ({}, ["ResourceConfig.InstanceType is missing", "ResourceConfig.InstanceCount is missing"]),
    ],
)
def test_what_a_job_runs_on_is_one_type_or_preferences_with_a_count(
    resources: dict[str, Any], problems: list[str]
) -> None:
    request = {**_TRAINING, "ResourceConfig": resources, "EnableManagedSpotTraining": False}

    assert refusals("TrainingJob", request) == problems
