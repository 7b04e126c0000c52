"""What is refused when a pipeline is created, with the step and the field."""

from __future__ import annotations

from typing import Any

import pytest

from mllocal.execution.support import unsupported_parts

CLUSTER = {"InstanceType": {"Get": "Parameters.Instance"}, "InstanceCount": 1}
PROCESSING = {"ProcessingResources": {"ClusterConfig": CLUSTER}}
LEVELS = {"CategoricalParameterRanges": [{"Name": "level", "Values": ["low", "high"]}]}


def tuning(definition: dict[str, Any] | None = None, **configuration: Any) -> dict[str, Any]:
    """The arguments of a Tuning step that runs, but for what is changed."""
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": LEVELS,
            **configuration,
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": "image:1",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "score", "Regex": "score=(.*)"}],
            },
            "ResourceConfig": CLUSTER,
            **(definition or {}),
        },
    }


def step(step_type: str, **members: Any) -> dict[str, Any]:
    return {"Name": "Last", "Type": step_type, "Arguments": {}, **members}


def problems(*steps: dict[str, Any]) -> str:
    return "\n".join(unsupported_parts({"Steps": list(steps)}))


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (step("EMR"), "step 'Last' is of type 'EMR', which the embedded AWS does not run"),
        (step("AutoML"), "step 'Last' is of type 'AutoML'"),
        (step("Model", CacheConfig={"Enabled": True}), "step 'Last' of type 'Model' has CacheConfig.Enabled"),
        (step("Lambda", RetryPolicies=[{"ExceptionType": ["x"]}]), "step 'Last' of type 'Lambda' has RetryPolicies"),
        (step("ClarifyCheck", CheckType="MODEL_BIAS"), "step 'Last' of type 'ClarifyCheck' has CheckType 'MODEL_BIAS'"),
        (
            step(
                "Processing",
                Arguments={**PROCESSING, "ProcessingInputs": [{"InputName": "q", "DatasetDefinition": {}}]},
            ),
            "step 'Last' of type 'Processing': ProcessingInputs['q'].DatasetDefinition queries Athena",
        ),
        (
            step("QualityCheck", CheckType="DATA_QUALITY", Arguments={"ProcessingResources": {}}),
            "step 'Last' of type 'QualityCheck': ProcessingResources.ClusterConfig.InstanceType is missing",
        ),
        (
            step("Model", Arguments={"Containers": [{"Image": "a"}, {"Image": "b"}]}),
            "step 'Last' of type 'Model': Containers has 2 entries; the embedded AWS serves models of one container",
        ),
        (
            step("RegisterModel", Arguments={"ModelPackageGroupName": "forecast"}),
            "step 'Last' of type 'RegisterModel': InferenceSpecification.Containers is missing",
        ),
        (
            step("Tuning", Arguments={**tuning(), "Autotune": {"Mode": "Enabled"}}),
            "step 'Last' of type 'Tuning': Autotune is not one the embedded AWS does",
        ),
        (
            step(
                "Tuning",
                Arguments=tuning(
                    TuningJobCompletionCriteria={"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}
                ),
            ),
            "step 'Last' of type 'Tuning': HyperParameterTuningJobConfig.TuningJobCompletionCriteria.ConvergenceDetected is not one",
        ),
        (
            step("Tuning", Arguments=tuning({"ResourceConfig": {"InstanceGroups": []}})),
            "step 'Last' of type 'Tuning': TrainingJobDefinition.ResourceConfig.InstanceGroups is not one",
        ),
        (step("Callback"), "step 'Last' of type 'Callback' has no SqsQueueUrl"),
        (
            step("Lambda", DependsOn=[{"Step": "A", "Trigger": "Failed"}], Arguments={"a": {"Get": "Steps.A.Outcome"}}),
            "refers to 'A', which has values only when it succeeded",
        ),
    ],
)
def test_what_cannot_run_is_refused(refused: dict[str, Any], sentence: str) -> None:
    assert sentence in problems(refused)


@pytest.mark.parametrize(
    "accepted",
    [
        step(
            "Processing",
            Arguments={**PROCESSING, "ProcessingInputs": {"Get": "Parameters.Inputs"}, "ProcessingOutputConfig": None},
            CacheConfig={"Enabled": True, "ExpireAfter": "P30D"},
            RetryPolicies=[{"ExceptionType": "x"}],
        ),
        step("Tuning", Arguments=tuning()),
        step(
            "Model",
            Arguments={"PrimaryContainer": {"Image": {"Get": "Parameters.Image"}}},
            CacheConfig={"Enabled": False},
            RetryPolicies=[],
        ),
        step("Callback", SqsQueueUrl={"Get": "Parameters.Queue"}, CacheConfig={"Enabled": True}),
        step("Lambda", DependsOn=["A", {"Step": "B"}, {"Step": "C", "Trigger": "Any"}]),
    ],
)
def test_what_can_run_is_not(accepted: dict[str, Any]) -> None:
    assert problems(accepted) == ""
