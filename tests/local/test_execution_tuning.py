"""A tuning step in a pipeline: a step after it reads the best training job."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlpipelines import Get
from tests.local.execution_steps import create, run
from tests.local.job_requests import training_request
from tests.local.workbench import Workbench, shell_step

SCORE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--level")
given, _ = parser.parse_known_args()
print(f"score={ {'low': 1, 'high': 3, 'middle': 2}[given.level] };")
"""


def tuning_step(workbench: Workbench, **configuration: Any) -> dict[str, Any]:
    training = training_request(workbench, "tuned", SCORE)
    training.pop("TrainingJobName")
    static = training.pop("HyperParameters")
    training["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "score", "Regex": "score=([0-9]+);"}]
    values = [{"Name": "level", "Values": ["low", "high", "middle"]}]
    arguments = {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Grid",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
            "ResourceLimits": {"MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"CategoricalParameterRanges": values},
            **configuration,
        },
        "TrainingJobDefinition": {**training, "StaticHyperParameters": static},
    }
    return {"Name": "Tune_the_model", "Type": "Tuning", "Arguments": arguments}


def test_a_step_after_tuning_gets_the_best_training_job(workbench: Workbench) -> None:
    best = Get("Steps.Tune_the_model.BestTrainingJob.TrainingJobName")
    ranked = [Get(f"Steps.Tune_the_model.TrainingJobSummaries[{place}].TrainingJobName") for place in range(3)]
    after = shell_step(
        "After",
        'echo "$BEST $FIRST $SECOND $THIRD" > /opt/ml/processing/output/names',
        environment=dict(zip(("BEST", "FIRST", "SECOND", "THIRD"), (best, *ranked), strict=True)),
        outputs=(workbench.output("after"),),
    )

    execution = run(workbench, tuning_step(workbench), after)

    assert execution.statuses == {"Tune_the_model": "Succeeded", "After": "Succeeded"}, execution.reason(
        "Tune_the_model"
    )
    names = workbench.get("after/names").split()
    tuned = [
        workbench.sagemaker.describe_training_job(TrainingJobName=name)["HyperParameters"]["level"] for name in names
    ]
    assert tuned == ["high", "high", "middle", "low"]
    arn = execution.steps["Tune_the_model"]["Metadata"]["TuningJob"]["Arn"]
    assert ":hyper-parameter-tuning-job/" in arn


def test_a_tuning_that_cannot_run_is_refused_when_the_pipeline_is_created(workbench: Workbench) -> None:
    criteria = {"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}

    with pytest.raises(ClientError) as refused:
        create(workbench, tuning_step(workbench, TuningJobCompletionCriteria=criteria))

    assert "step 'Tune_the_model' of type 'Tuning': HyperParameterTuningJobConfig." in str(refused.value)
    assert "TuningJobCompletionCriteria.ConvergenceDetected is not one the embedded AWS does" in str(refused.value)
