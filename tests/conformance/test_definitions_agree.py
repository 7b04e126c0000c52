"""Our JSON is the SDK's, for the same pipelines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sagemaker.core.shapes import MlflowConfig as SdkMlflowConfig
from sagemaker.core.workflow import conditions as sdk_conditions
from sagemaker.core.workflow.functions import Join as SdkJoin
from sagemaker.core.workflow.parameters import ParameterBoolean, ParameterFloat, ParameterInteger, ParameterString
from sagemaker.mlops.workflow import ConditionStep as SdkConditionStep
from sagemaker.mlops.workflow import FailStep as SdkFailStep
from sagemaker.mlops.workflow import Pipeline as SdkPipeline
from sagemaker.mlops.workflow import SageMakerJobExceptionTypeEnum as JobFault
from sagemaker.mlops.workflow import SageMakerJobStepRetryPolicy, StepExceptionTypeEnum, StepRetryPolicy, TrainingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute

from mlpipelines import (
    Condition,
    ConditionStep,
    Equals,
    FailStep,
    GreaterThan,
    GreaterThanOrEqualTo,
    In,
    Join,
    LessThan,
    LessThanOrEqualTo,
    MlflowConfig,
    ModelContainer,
    Not,
    Or,
    Parameter,
    Pipeline,
    RetryPolicy,
    Step,
    problems_in,
)
from mlplatform.pipeline.imported_session import make_session
from tests.conformance.agreement import differences, normal
from tests.conformance.sdk import MACHINE, REGION
from tests.conformance.sdk_steps_twin import pipeline as sdk_steps_twin
from tests.conformance.sdk_steps_twin import tune as sdk_tune
from tests.conformance.sdk_twin import pipeline as sdk_twin
from tests.unit.mlpipelines import samples, step_samples

COLOR = Parameter(name="Color", default="red", enum_values=("red", "blue"))
SDK_COLOR = ParameterString("Color", default_value="red", enum_values=["red", "blue"])
OURS: dict[str, Condition] = {
    "Equals": Equals(left=COLOR, right="red"),
    "GreaterThan": GreaterThan(left=COLOR, right=1),
    "GreaterThanOrEqualTo": GreaterThanOrEqualTo(left=1.5, right=COLOR),
    "LessThan": LessThan(left=COLOR, right=1),
    "LessThanOrEqualTo": LessThanOrEqualTo(left=COLOR, right=1),
    "In": In(value=COLOR, values=("red", "green")),
    "Not": Not(condition=Equals(left=COLOR, right=True)),
    "Or": Or(conditions=(Equals(left=COLOR, right="red"), Not(condition=In(value=COLOR, values=("blue",))))),
}
SDKS: dict[str, Any] = {
    "Equals": sdk_conditions.ConditionEquals(SDK_COLOR, "red"),
    "GreaterThan": sdk_conditions.ConditionGreaterThan(SDK_COLOR, 1),
    "GreaterThanOrEqualTo": sdk_conditions.ConditionGreaterThanOrEqualTo(1.5, SDK_COLOR),
    "LessThan": sdk_conditions.ConditionLessThan(SDK_COLOR, 1),
    "LessThanOrEqualTo": sdk_conditions.ConditionLessThanOrEqualTo(SDK_COLOR, 1),
    "In": sdk_conditions.ConditionIn(SDK_COLOR, ["red", "green"]),
    "Not": sdk_conditions.ConditionNot(sdk_conditions.ConditionEquals(SDK_COLOR, True)),
    "Or": sdk_conditions.ConditionOr(
        [
            sdk_conditions.ConditionEquals(SDK_COLOR, "red"),
            sdk_conditions.ConditionNot(sdk_conditions.ConditionIn(SDK_COLOR, ["blue"])),
        ]
    ),
}


@pytest.fixture(scope="module")
def session() -> Any:
    return make_session(REGION, "demand")


@pytest.fixture(scope="module")
def twins(session: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """One pipeline with every type of step that both have: ours, and the SDK's."""
    container = ModelContainer(
        image_uri=samples.IMAGE, model_data_url=samples.TRAIN.model_artifacts, environment={"PROGRAM": "p"}
    )
    model = replace(samples.CREATE_MODEL, container=container)
    resolve = replace(samples.RESOLVE, function_arn=samples.FUNCTION)
    kept = samples.PIPELINE.steps[:4]
    ours = replace(samples.PIPELINE, steps=(*kept, resolve, model, samples.PREDICT)).definition()
    return ours, json.loads(sdk_twin(session).definition())


def test_every_type_of_step_renders_as_the_sdk_renders_it(twins: tuple[dict[str, Any], dict[str, Any]]) -> None:
    ours, theirs = map(normal, twins)
    model = next(step for step in ours["Steps"] if step["Name"] == "CreateModel")
    if "Containers" in model["Arguments"]:  # CreateModel takes one container in either form.
        (model["Arguments"]["PrimaryContainer"],) = model["Arguments"].pop("Containers")

    assert list(differences(ours, theirs)) == []


def test_the_sdks_definition_passes_our_checks(twins: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert problems_in(twins[1]) == ()


def test_the_sdk_renders_the_same_bytes_twice_without_a_call_to_aws(session: Any) -> None:
    assert sdk_twin(session).definition() == sdk_twin(session).definition()


@pytest.fixture(scope="module")
def every_other_step(session: Any) -> dict[str, Any]:
    theirs = json.loads(sdk_steps_twin(session).definition())
    return {step["Name"]: step for step in theirs["Steps"]}


@pytest.mark.parametrize("step", step_samples.STEPS, ids=lambda step: step.name)
def test_every_other_type_of_step_renders_as_the_sdk_renders_it(every_other_step: dict[str, Any], step: Step) -> None:
    assert list(differences(normal(step.to_json()), normal(every_other_step[step.name]))) == []


def test_the_model_of_a_tuning_step_is_found_where_the_sdk_finds_it(session: Any) -> None:
    theirs = sdk_tune(session).get_top_model_s3_uri(1, s3_bucket="artifacts", prefix="models").expr

    join = theirs["Std:Join"]
    assert join["Values"][:3] == ["s3:/", "artifacts", "models"]
    assert step_samples.TUNE.top_model_artifacts(1).to_json() == {
        "Std:Join": {"On": "/", "Values": ["/".join(join["Values"][:3]), *join["Values"][3:]]}
    }


def test_a_number_parameter_as_hyperparameter_is_refused_until_it_is_made_text(session: Any) -> None:
    def problems(value: Any) -> tuple[str, ...]:
        trainer = ModelTrainer(
            training_image=samples.IMAGE,
            role=samples.ROLE,
            compute=Compute(**MACHINE),
            hyperparameters={"depth": value},
            sagemaker_session=session,
        )
        step = TrainingStep("Train", step_args=trainer.train())
        pipeline = SdkPipeline("p", parameters=[depth], steps=[step], sagemaker_session=session)
        return problems_in(json.loads(pipeline.definition()))

    depth = ParameterInteger("Depth")
    (problem,) = problems(depth)

    assert problem.startswith("step 'Train': HyperParameters.depth is parameter 'Depth' of type Integer")
    assert problem.endswith("which is .to_string() in the SDK")
    assert problems(depth.to_string()) == ()


@pytest.mark.parametrize("kind", OURS)
def test_conditions_agree(session: Any, kind: str) -> None:
    message = Join(on=" ", values=("is", COLOR))
    ours = ConditionStep(name="Check", conditions=(OURS[kind],), if_steps=(FailStep(name="Stop", message=message),))
    fail = SdkFailStep("Stop", error_message=SdkJoin(on=" ", values=["is", SDK_COLOR]))
    theirs = SdkConditionStep("Check", conditions=[SDKS[kind]], if_steps=[fail], else_steps=[])

    assert list(_compared(session, [ours], [theirs])) == []


def test_nested_conditions_agree(session: Any) -> None:
    inner = ConditionStep(
        name="Inner", conditions=(OURS["In"],), else_steps=(FailStep(name="Stop", message="m"),), depends_on=("First",)
    )
    first = FailStep(name="First", message="m")
    ours = ConditionStep(name="Outer", conditions=(OURS["Equals"], OURS["Or"]), if_steps=(inner,))
    sdk_inner = SdkConditionStep(
        "Inner",
        conditions=[SDKS["In"]],
        if_steps=[],
        else_steps=[SdkFailStep("Stop", error_message="m")],
        depends_on=["First"],
    )
    sdk_first = SdkFailStep("First", error_message="m")
    theirs = SdkConditionStep("Outer", conditions=[SDKS["Equals"], SDKS["Or"]], if_steps=[sdk_inner], else_steps=[])

    assert list(_compared(session, [first, ours], [sdk_first, theirs])) == []


def test_parameters_agree(session: Any) -> None:
    ours = (
        COLOR,
        Parameter(name="Needed"),
        Parameter(name="Count", type="Integer", default=3),
        Parameter(name="Rate", type="Float", default=0.5),
        Parameter(name="Flag", type="Boolean", default=True),
    )
    theirs = (
        SDK_COLOR,
        ParameterString("Needed"),
        ParameterInteger("Count", default_value=3),
        ParameterFloat("Rate", default_value=0.5),
        ParameterBoolean("Flag", default_value=True),
    )

    assert [parameter.declaration() for parameter in ours] == [parameter.to_request() for parameter in theirs]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            RetryPolicy(
                exception_types=("Step.SERVICE_FAULT", "Step.THROTTLING"), interval_seconds=3, backoff_rate=1.5
            ),
            StepRetryPolicy(
                exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
                interval_seconds=3,
                backoff_rate=1.5,
                max_attempts=5,
            ),
        ),
        (
            RetryPolicy(
                exception_types=(
                    "SageMaker.JOB_INTERNAL_ERROR",
                    "SageMaker.CAPACITY_ERROR",
                    "SageMaker.RESOURCE_LIMIT",
                ),
                expire_after_minutes=30,
            ),
            SageMakerJobStepRetryPolicy(
                exception_types=[JobFault.INTERNAL_ERROR, JobFault.CAPACITY_ERROR, JobFault.RESOURCE_LIMIT],
                expire_after_mins=30,
            ),
        ),
    ],
    ids=["attempts", "time"],
)
def test_retry_policies_agree(ours: RetryPolicy, theirs: Any) -> None:
    assert ours.to_json() == theirs.to_request()


def test_the_mlflow_config_of_a_pipeline_is_the_sdks(session: Any) -> None:
    """What we add to the environment of jobs beside it is ours alone; `FailStep` has none."""
    arn = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-X"
    ours = Pipeline(
        name="p",
        steps=[FailStep(name="Stop", message="x")],
        mlflow=MlflowConfig(resource_arn=arn, experiment_name="pricing"),
    )
    theirs = SdkPipeline(
        "p",
        steps=[SdkFailStep("Stop", error_message="x")],
        sagemaker_session=session,
        pipeline_experiment_config=None,
        mlflow_config=SdkMlflowConfig(mlflow_resource_arn=arn, mlflow_experiment_name="pricing"),
    )

    assert list(differences(normal(ours.definition()), normal(json.loads(theirs.definition())))) == []


def _compared(session: Any, ours: list[Any], theirs: list[Any]) -> list[str]:
    mine = Pipeline(name="p", steps=ours, parameters=(COLOR,)).definition()
    other = SdkPipeline(
        "p", steps=theirs, parameters=[SDK_COLOR], sagemaker_session=session, pipeline_experiment_config=None
    )
    return list(differences(normal(mine), normal(json.loads(other.definition()))))
