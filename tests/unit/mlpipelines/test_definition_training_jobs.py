"""What a training job runs on, and how long it waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mlpipelines import InstancePreference, ManagedSpotTraining, Pipeline, Step, problems_in
from tests.unit.mlpipelines.step_samples import GROUPED, HYPERBAND, PIPELINE, PREFERRED, SPOT, TUNE

BOTH = "ResourceConfig has InstanceType and InstancePreferences; give exactly one of them"
LITTLE_TIME = "MaxWaitTimeInSeconds 60, less than its MaxRuntimeInSeconds 14400; it counts both, so use more"


def problems_of(step: Step) -> tuple[str, ...]:
    return Pipeline(name="p", steps=(step,), parameters=PIPELINE.parameters).problems()


def test_every_other_type_of_step_is_sound() -> None:
    assert PIPELINE.problems() == ()


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (replace(PREFERRED, instance_type="ml.m5.large"), f"step 'Preferred': {BOTH}"),
        (
            replace(GROUPED, instance_groups=()),
            "step 'Grouped': ResourceConfig has neither InstanceType, InstancePreferences nor InstanceGroups; "
            "give exactly one of them",
        ),
        (
            replace(
                PREFERRED,
                instance_preferences=(
                    InstancePreference(instance_type="ml.m5.large", instance_count=1),
                    InstancePreference(instance_type="ml.m5.xlarge"),
                ),
            ),
            "step 'Preferred': ResourceConfig has InstancePreferences without an InstanceCount; add it",
        ),
        (
            replace(PREFERRED, spot=ManagedSpotTraining(max_wait_seconds=20_000)),
            "step 'Preferred' has EnableManagedSpotTraining and InstancePreferences, which are on-demand only; "
            "drop one of them",
        ),
        (replace(SPOT, spot=ManagedSpotTraining(max_wait_seconds=60)), f"step 'Spot' has {LITTLE_TIME}"),
        (
            replace(TUNE, job=replace(TUNE.job, spot=ManagedSpotTraining(max_wait_seconds=60))),
            f"step 'Tune' has {LITTLE_TIME}",
        ),
    ],
)
def test_what_the_service_would_refuse_is_told(step: Step, problem: str) -> None:
    assert problems_of(step) == (problem,)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda job: job["StoppingCondition"].pop("MaxWaitTimeInSeconds"),
            "step 'Spot' has EnableManagedSpotTraining and no MaxWaitTimeInSeconds in its StoppingCondition; add it",
        ),
        (
            lambda job: job["ResourceConfig"].pop("InstanceCount"),
            "step 'Spot': ResourceConfig has InstanceType without an InstanceCount; add it",
        ),
    ],
)
def test_what_a_given_definition_forgets_is_told(change: Callable[[dict[str, Any]], object], problem: str) -> None:
    body = Pipeline(name="p", steps=(SPOT,), parameters=PIPELINE.parameters).definition()
    change(body["Steps"][0]["Arguments"])

    assert problems_in(body) == (problem,)


def test_preferences_with_counts_of_their_own_leave_out_the_jobs() -> None:
    preference = InstancePreference(instance_type="ml.m5.large", instance_count=3)

    assert replace(PREFERRED, instance_preferences=(preference,)).request()["ResourceConfig"] == {
        "VolumeSizeInGB": 30,
        "InstancePreferences": [{"InstanceType": "ml.m5.large", "InstanceCount": 3}],
    }


def test_a_tuning_job_keeps_the_hyperparameters_that_it_does_not_tune() -> None:
    assert TUNE.request()["TrainingJobDefinition"]["StaticHyperParameters"] == {"seed": "4"}


def test_the_archive_of_the_best_job_lies_under_its_name() -> None:
    name = {"Get": "Steps.Tune.TrainingJobSummaries[0].TrainingJobName"}

    assert TUNE.top_model_artifacts().to_json() == {
        "Std:Join": {"On": "/", "Values": ["s3://artifacts/models", name, "output/model.tar.gz"]}
    }
    assert TUNE.best_training_job_name.path == "Steps.Tune.BestTrainingJob.TrainingJobName"
    with pytest.raises(ValueError, match=r"rank 50 is not kept; use 0 \(the best\) to 49"):
        HYPERBAND.top_model_artifacts(50)
