"""Limits of jobs at synthesis: a pipeline that asks for too much is told so, step by step."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import App

from mlpipelines import Pipeline, ProcessingStep
from mlplatform import InvalidPropsError, JobLimits, SageMakerPipeline
from tests.unit.pipeline.synthesis import new_project

LIMITS = JobLimits(instance_types=("ml.m5.large",), max_runtime_hours=1)


def definition(instance_type: Any = "ml.m5.large", seconds: int = 3600, **parameter: Any) -> dict[str, Any]:
    cluster = {"ClusterConfig": {"InstanceType": instance_type}}
    arguments = {"ProcessingResources": cluster, "StoppingCondition": {"MaxRuntimeInSeconds": seconds}}
    step = {"Name": "Build", "Type": "Processing", "Arguments": arguments}
    return {"Parameters": [{"Name": "Machine", "Type": "String", **parameter}], "Steps": [step]}


def test_a_job_within_the_limits_has_no_problem() -> None:
    assert list(LIMITS.problems(definition())) == []


def test_what_is_off_the_list_and_too_long_is_told_at_once_with_the_fix() -> None:
    machine, runtime = LIMITS.problems(definition("ml.p5.48xlarge", 3601))
    assert machine == (
        "step 'Build' asks for instance type 'ml.p5.48xlarge', which the project may not use; take one of ml.m5.large, "
        "or have 'ml.p5.48xlarge' added to the project's instance_types"
    )
    assert runtime.startswith("step 'Build' may run for 3601 seconds, and the project's jobs for 3600; ask for less")


@pytest.mark.parametrize(
    ("parameter", "found"),
    [
        ({"DefaultValue": "ml.m5.large"}, []),
        ({"DefaultValue": "ml.p5.48xlarge"}, ["ml.p5.48xlarge"]),
        ({"DefaultValue": "ml.m5.large", "EnumValues": ["ml.m5.large", "ml.g5.xlarge"]}, ["ml.g5.xlarge"]),
        ({}, []),
    ],
)
def test_a_type_that_an_execution_chooses_is_judged_by_what_the_parameter_says(
    parameter: dict[str, Any], found: list[str]
) -> None:
    problems = list(LIMITS.problems(definition({"Get": "Parameters.Machine"}, **parameter)))
    assert [problem.split("'")[3] for problem in problems] == found


def test_a_pipeline_off_the_list_does_not_synthesize() -> None:
    project = new_project(App(analytics_reporting=False))
    step = ProcessingStep(
        name="Build", image_uri="i", role_arn=project.training_job_role_arn, instance_type="ml.p3.16xlarge"
    )
    with pytest.raises(InvalidPropsError, match=r"step 'Build' asks for instance type 'ml\.p3\.16xlarge'"):
        SageMakerPipeline(project, "P", project=project, pipeline=Pipeline(name="demo-p", steps=[step]))
