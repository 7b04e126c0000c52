"""The gate: the sentences for arguments that SageMaker's operations would refuse."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from mlpipelines import (
    Get,
    JsonObject,
    ModelContainer,
    Parameter,
    Pipeline,
    Step,
    problems_in,
)
from tests.unit.mlpipelines.samples import (
    CREATE_MODEL,
    EVALUATE,
    FEATURES,
    INPUT_URI,
    LEARNING_RATE,
    NETWORK,
    PREDICT,
    REGISTER,
    RESOLVE,
    TRAIN,
    definition,
)

ALONE = dataclasses.replace(TRAIN, channels=(), hyperparameters={})


def problems_of(*steps: Step) -> tuple[str, ...]:
    return Pipeline(name="p", steps=steps, parameters=(INPUT_URI, LEARNING_RATE)).problems()


def broken_training(change: Callable[[JsonObject], object]) -> tuple[str, ...]:
    """Problems of a training step whose arguments were changed."""
    step = ALONE.to_json()
    change(step["Arguments"])
    return problems_in(definition(step))


def test_an_unknown_instance_type_gets_the_nearest_one() -> None:
    assert problems_of(dataclasses.replace(ALONE, instance_type="ml.m5.larg")) == (
        "step 'Train': ResourceConfig.InstanceType is 'ml.m5.larg', which CreateTrainingJob does not take; "
        "did you mean 'ml.m5.large'?",
    )


def test_instance_types_are_those_of_the_operation() -> None:
    """A transform job has fewer types than a processing job."""
    step = dataclasses.replace(
        PREDICT, model_name="m", depends_on=(), instance_type="ml.t3.medium", input_s3_uri="s3://b/"
    )

    assert problems_of(dataclasses.replace(FEATURES, instance_type="ml.t3.medium")) == ()
    (problem,) = problems_of(step)
    assert problem.startswith(
        "step 'Predict': TransformResources.InstanceType is 'ml.t3.medium', which CreateTransformJob does not take;"
    )


def test_the_instance_types_of_a_registered_model_are_checked() -> None:
    step = dataclasses.replace(
        REGISTER, container=ModelContainer(image_uri="i"), transform_instance_types=("ml.m5.larg",)
    )

    assert problems_of(step) == (
        "step 'RegisterModel': InferenceSpecification.SupportedTransformInstanceTypes[0] is 'ml.m5.larg', "
        "which CreateModelPackage does not take; did you mean 'ml.m5.large'?",
    )


def test_a_value_unlike_every_other_gets_the_list() -> None:
    step = dataclasses.replace(PREDICT, model_name="m", depends_on=(), batch_strategy="xyz")

    assert problems_of(step) == (
        "step 'Predict': BatchStrategy is 'xyz', which CreateTransformJob does not take; "
        "use one of 'MultiRecord', 'SingleRecord'",
    )


def test_the_default_of_a_parameter_is_checked_where_it_is_used() -> None:
    parameter = Parameter(name="InstanceType", default="ml.m5.larg")
    pipeline = Pipeline(name="p", steps=(dataclasses.replace(ALONE, instance_type=parameter),), parameters=(parameter,))

    assert pipeline.problems() == (
        "step 'Train': ResourceConfig.InstanceType (the default of parameter 'InstanceType') is 'ml.m5.larg', "
        "which CreateTrainingJob does not take; did you mean 'ml.m5.large'?",
    )


@pytest.mark.parametrize("default", [5, None])
def test_a_parameter_that_is_a_number_is_refused_where_text_is_expected(default: int | None) -> None:
    """The SDK 3 writes hyperparameters so; the service refuses it, aws/sagemaker-python-sdk#2631."""
    parameter = Parameter(name="Depth", type="Integer", default=default)
    body = Pipeline(name="p", steps=(ALONE,), parameters=(parameter,)).definition()
    request = body["Steps"][0]["Arguments"]
    request["HyperParameters"] = {"depth": {"Get": "Parameters.Depth"}}

    assert problems_in(body) == (
        "step 'Train': HyperParameters.depth is parameter 'Depth' of type Integer, and CreateTrainingJob takes text; "
        "SageMaker does not turn it into text by itself: write "
        '{"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Depth"}]}}, which is .to_string() in the SDK',
    )

    request["HyperParameters"] = {"depth": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Depth"}]}}}
    assert problems_in(body) == ()


def test_a_required_member_is_there() -> None:
    assert broken_training(lambda arguments: arguments.pop("RoleArn")) == (
        "step 'Train': Arguments has no RoleArn, which CreateTrainingJob requires; add it",
    )


def test_a_required_member_deeper_down_is_there() -> None:
    assert broken_training(lambda arguments: arguments["OutputDataConfig"].clear()) == (
        "step 'Train': OutputDataConfig has no S3OutputPath, which CreateTrainingJob requires; add it",
    )


@pytest.mark.parametrize("step", [FEATURES, ALONE, PREDICT, REGISTER, CREATE_MODEL, EVALUATE])
def test_the_name_of_a_job_is_supplied_by_sagemaker(step: Step) -> None:
    assert not [problem for problem in problems_of(step) if "Name, which" in problem]


def test_an_unknown_member_gets_the_nearest_one() -> None:
    assert broken_training(lambda arguments: arguments["ResourceConfig"].update(InstanceTyp="x")) == (
        "step 'Train': ResourceConfig has 'InstanceTyp', which CreateTrainingJob does not know; "
        "did you mean 'InstanceType'?",
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("StoppingCondition", [], "StoppingCondition is [], which is a list; CreateTrainingJob takes an object"),
        ("Tags", {}, "Tags is {}, which is an object; CreateTrainingJob takes a list"),
        ("RoleArn", 5, "RoleArn is 5, which is a number; CreateTrainingJob takes text"),
        (
            "EnableNetworkIsolation",
            "yes",
            "EnableNetworkIsolation is 'yes', which is text; CreateTrainingJob takes true or false",
        ),
        (
            "HyperParameters",
            {"a": 1},
            "HyperParameters.a is 1, which is a number; CreateTrainingJob takes text",
        ),
        (
            "StoppingCondition",
            {"MaxRuntimeInSeconds": True},
            "StoppingCondition.MaxRuntimeInSeconds is true, which is a boolean; CreateTrainingJob takes a whole number",
        ),
        (
            "StoppingCondition",
            {"MaxRuntimeInSeconds": 0},
            "StoppingCondition.MaxRuntimeInSeconds is 0; CreateTrainingJob takes at least 1",
        ),
        (
            "RetryStrategy",
            {"MaximumRetryAttempts": 31},
            "RetryStrategy.MaximumRetryAttempts is 31; CreateTrainingJob takes 1 to 30",
        ),
        (
            "Environment",
            {"A": "x" * 513},
            "Environment.A has 513 characters; CreateTrainingJob takes at most 512",
        ),
        (
            "Environment",
            {"a-b": "x"},
            "the key 'a-b' of Environment is 'a-b'; CreateTrainingJob takes text of the form [a-zA-Z_][a-zA-Z0-9_]*",
        ),
        (
            "VpcConfig",
            {"Subnets": [], "SecurityGroupIds": ["sg-1"]},
            "VpcConfig.Subnets has 0 entries; CreateTrainingJob takes 1 to 16",
        ),
        (
            "OutputDataConfig",
            {"S3OutputPath": "s3:/bucket"},
            "OutputDataConfig.S3OutputPath is 's3:/bucket'; CreateTrainingJob takes text of the form "
            "(https|s3)://([^/]+)/?(.*)",
        ),
    ],
)
def test_each_member_has_the_type_and_the_limits_of_the_operation(name: str, value: object, sentence: str) -> None:
    assert broken_training(lambda arguments: arguments.update({name: value})) == (f"step 'Train': {sentence}",)


def test_null_counts_as_left_out() -> None:
    assert broken_training(lambda arguments: arguments.update(Environment=None)) == ()
    assert broken_training(lambda arguments: arguments.update(RoleArn=None)) == (
        "step 'Train': Arguments has no RoleArn, which CreateTrainingJob requires; add it",
    )


def test_expressions_fit_everywhere() -> None:
    step = dataclasses.replace(
        TRAIN,
        instance_count=Get("Steps.Features.ProcessingResources.ClusterConfig.InstanceCount"),
        instance_type=Get("Parameters.InputUri"),
    )

    assert [p for p in problems_of(FEATURES, step) if "default" not in p] == []


@pytest.mark.parametrize("token", ["${Token[TOKEN.42]}", "arn:${Token[AWS.Partition.3]}:iam::role/x"])
def test_cdk_tokens_are_text_that_is_not_looked_into(token: str) -> None:
    network = dataclasses.replace(NETWORK, subnets=["#{Token[TOKEN.7]}"])
    step = dataclasses.replace(ALONE, role_arn=token, output_s3_uri=token, instance_type=token, network=network)

    assert problems_of(step) == ()


def test_a_cdk_token_is_still_text() -> None:
    assert problems_of(dataclasses.replace(ALONE, volume_size_gb="${Token[TOKEN.42]}")) == (  # type: ignore[arg-type]
        "step 'Train': ResourceConfig.VolumeSizeInGB is '${Token[TOKEN.42]}', which is text; "
        "CreateTrainingJob takes a whole number",
    )


def test_a_model_has_a_container() -> None:
    step = CREATE_MODEL.to_json()
    step["Arguments"] = {}

    assert problems_in(definition(RESOLVE.to_json(), step)) == (
        "step 'CreateModel': Arguments has neither PrimaryContainer nor Containers; add one of them",
    )


def test_a_container_has_an_image_or_a_model_package() -> None:
    assert problems_of(dataclasses.replace(CREATE_MODEL, container=ModelContainer())) == (
        "step 'CreateModel': PrimaryContainer has neither Image nor ModelPackageName; add one of them",
    )


def test_a_training_job_has_an_image_and_resources() -> None:
    def strip(arguments: JsonObject) -> None:
        del arguments["ResourceConfig"]
        del arguments["AlgorithmSpecification"]["TrainingImage"]

    assert broken_training(strip) == (
        "step 'Train': Arguments has neither ResourceConfig nor ServerlessJobConfig; add one of them",
        "step 'Train': AlgorithmSpecification has neither TrainingImage nor AlgorithmName; add one of them",
    )


def test_a_pipeline_does_not_certify_for_the_marketplace() -> None:
    step = dataclasses.replace(REGISTER, container=ModelContainer(image_uri="i")).to_json()
    step["Arguments"]["CertifyForMarketplace"] = False

    assert problems_in(definition(step)) == (
        "step 'RegisterModel': CertifyForMarketplace is not allowed in a pipeline; remove it",
    )


def test_a_property_that_the_other_step_does_not_have_gets_the_nearest_one() -> None:
    step = dataclasses.replace(RESOLVE, inputs={"model": TRAIN.get("ModelArtifacts.S3ModelArtifact")})

    assert problems_of(ALONE, step) == (
        "step 'ResolveInputs' refers to 'ModelArtifacts.S3ModelArtifact' of step 'Train', which has no "
        "'S3ModelArtifact'; did you mean 'S3ModelArtifacts'?",
    )


def test_a_property_ends_where_its_value_is_not_an_object() -> None:
    step = dataclasses.replace(RESOLVE, inputs={"model": TRAIN.get("TrainingJobName.x")})

    assert problems_of(ALONE, step) == (
        "step 'ResolveInputs' refers to 'TrainingJobName.x' of step 'Train', which has no 'x'; "
        "it ends at 'TrainingJobName'",
    )


@pytest.mark.parametrize(
    "path", ["FinalMetricDataList[0].Value", "FinalMetricDataList['rmse'].Value", "HyperParameters['a']"]
)
def test_properties_go_into_lists_and_maps(path: str) -> None:
    assert problems_of(ALONE, dataclasses.replace(RESOLVE, inputs={"x": TRAIN.get(path)})) == ()
