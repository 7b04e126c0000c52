"""Steps and definitions for the tests of mlpipelines: one sound pipeline, and small raw JSON to break."""

from __future__ import annotations

from collections.abc import Sequence

from mlpipelines import (
    PIPELINE_EXECUTION_ID,
    CacheConfig,
    ConditionStep,
    DriftCheckBaselines,
    FailStep,
    Join,
    JsonGet,
    JsonObject,
    LambdaOutput,
    LambdaStep,
    LessThanOrEqualTo,
    MetricDefinition,
    ModelContainer,
    ModelMetrics,
    ModelStep,
    NetworkConfig,
    Parameter,
    Pipeline,
    ProcessingInput,
    ProcessingOutput,
    ProcessingStep,
    PropertyFile,
    RegisterModelStep,
    RetryPolicy,
    TrainingChannel,
    TrainingStep,
    TransformStep,
)

ROLE = "arn:aws:iam::111122223333:role/job"
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/sklearn:1"
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:f"
NETWORK = NetworkConfig(subnets=("subnet-1", "subnet-2"), security_group_ids=("sg-1",))

INPUT_URI = Parameter(name="InputUri", default="s3://data/in/")
LEARNING_RATE = Parameter(name="LearningRate", type="Float", default=0.06)

FEATURES = ProcessingStep(
    name="Features",
    image_uri=IMAGE,
    role_arn=ROLE,
    instance_type="ml.m5.large",
    entrypoint=("python3", "/opt/ml/processing/code/features.py"),
    arguments=("--weeks", 8, LEARNING_RATE),
    inputs=(ProcessingInput(name="data", s3_uri=INPUT_URI, local_path="/opt/ml/processing/input"),),
    outputs=(
        ProcessingOutput(
            name="train",
            local_path="/opt/ml/processing/train",
            s3_uri=Join(values=("s3://artifacts", PIPELINE_EXECUTION_ID, "train")),
        ),
        ProcessingOutput(name="test", local_path="/opt/ml/processing/test", s3_uri="s3://artifacts/test"),
    ),
    network=NETWORK,
    output_kms_key_id="key-1",
    environment={"B": "2", "A": 1},
    tags={"team": "demand", "cost": "1"},
)
TRAIN = TrainingStep(
    name="Train",
    image_uri=IMAGE,
    role_arn=ROLE,
    instance_type="ml.m5.large",
    output_s3_uri="s3://artifacts/models",
    channels=(TrainingChannel(name="train", s3_uri=FEATURES.output_uri("train"), content_type="text/csv"),),
    hyperparameters={"max_iter": 300, "learning_rate": LEARNING_RATE, "uri": FEATURES.output_uri("test")},
    metric_definitions=(MetricDefinition(name="validation:rmse", regex="rmse=([0-9.]+)"),),
    network=NETWORK,
    cache=CacheConfig(),
    retry_policies=(RetryPolicy(exception_types=("SageMaker.CAPACITY_ERROR",)),),
)
EVALUATE = ProcessingStep(
    name="Evaluate",
    image_uri=IMAGE,
    role_arn=ROLE,
    instance_type="ml.m5.large",
    inputs=(ProcessingInput(name="model", s3_uri=TRAIN.model_artifacts, local_path="/opt/ml/processing/model"),),
    outputs=(
        ProcessingOutput(
            name="evaluation", local_path="/opt/ml/processing/evaluation", s3_uri="s3://artifacts/evaluation"
        ),
    ),
    property_files=(PropertyFile(name="evaluation", output_name="evaluation", path="evaluation.json"),),
)
REGISTER = RegisterModelStep(
    name="RegisterModel",
    description="the weekly model",
    model_package_group_name="demand",
    container=ModelContainer(image_uri=IMAGE, model_data_url=TRAIN.model_artifacts, environment={"PROGRAM": "p"}),
    content_types=("text/csv",),
    response_types=("text/csv",),
    transform_instance_types=("ml.m5.large",),
    metrics=ModelMetrics(
        model_quality_statistics_uri="s3://artifacts/evaluation/evaluation.json",
        data_quality_statistics_uri="s3://artifacts/quality/statistics.json",
        data_quality_constraints_uri="s3://artifacts/quality/constraints.json",
        pre_training_bias_report_uri="s3://artifacts/data-bias/analysis.json",
        post_training_bias_report_uri="s3://artifacts/model-bias/analysis.json",
        explainability_report_uri="s3://artifacts/explainability/analysis.json",
    ),
    drift_check_baselines=DriftCheckBaselines(
        data_quality_statistics_uri="s3://artifacts/quality/statistics.json",
        data_quality_constraints_uri="s3://artifacts/quality/constraints.json",
        bias_config_uri="s3://artifacts/model-bias/analysis_config.json",
        pre_training_bias_constraints_uri="s3://artifacts/data-bias/analysis.json",
        post_training_bias_constraints_uri="s3://artifacts/model-bias/analysis.json",
        explainability_config_uri="s3://artifacts/explainability/analysis_config.json",
        explainability_constraints_uri="s3://artifacts/explainability/analysis.json",
    ),
    customer_metadata={"owner": "demand"},
)
TOO_LOW = FailStep(name="MetricTooLow", message=Join(on=" ", values=("not good enough on", INPUT_URI)))
CHECK = ConditionStep(
    name="CheckMetric",
    conditions=(
        LessThanOrEqualTo(JsonGet(step="Evaluate", property_file="evaluation", path="metrics.rmse.value"), 0.9),
    ),
    if_steps=(REGISTER,),
    else_steps=(TOO_LOW,),
)
RESOLVE = LambdaStep(
    name="ResolveInputs",
    function_arn="${Token[TOKEN.42]}",
    inputs={"group": "demand", "attempts": 3},
    outputs=(LambdaOutput(name="model_package_arn"),),
)
CREATE_MODEL = ModelStep(
    name="CreateModel",
    role_arn=ROLE,
    container=ModelContainer(model_package_arn=RESOLVE.output("model_package_arn")),
    network=NETWORK,
)
PREDICT = TransformStep(
    name="Predict",
    model_name=CREATE_MODEL.model_name,
    input_s3_uri=INPUT_URI,
    output_s3_uri="s3://output/",
    instance_type="ml.m5.large",
    join_source="Input",
    input_filter="$[1:]",
    output_filter="$[0,-1]",
    depends_on=(FEATURES, "Train"),
)
PIPELINE = Pipeline(
    name="demand",
    steps=(FEATURES, TRAIN, EVALUATE, CHECK, RESOLVE, CREATE_MODEL, PREDICT),
    parameters=(INPUT_URI, LEARNING_RATE),
)


def definition(*steps: object, parameters: Sequence[object] = ()) -> JsonObject:
    """A raw definition with these steps."""
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": list(parameters), "Steps": list(steps)}


def call(name: str, *, reads: Sequence[str] = (), **members: object) -> JsonObject:
    """A raw Lambda step with the output `out`, whose arguments read the given paths."""
    return {
        "Name": name,
        "Type": "Lambda",
        "Arguments": {str(index): {"Get": path} for index, path in enumerate(reads)},
        "FunctionArn": FUNCTION,
        "OutputParameters": [{"OutputName": "out", "OutputType": "String"}],
        **members,
    }


def out(name: str) -> str:
    """The path of the output of `call(name)`."""
    return f"Steps.{name}.OutputParameters['out']"


def fork(
    name: str,
    *,
    if_steps: Sequence[object] = (),
    else_steps: Sequence[object] = (),
    conditions: Sequence[object] = ({"Type": "Equals", "LeftValue": 1, "RightValue": 1},),
    **members: object,
) -> JsonObject:
    """A raw condition step."""
    arguments = {"Conditions": list(conditions), "IfSteps": list(if_steps), "ElseSteps": list(else_steps)}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **members}
