"""The pipeline of tests/unit/mlpipelines/samples.py once more, written with the SDK."""

from __future__ import annotations

from typing import Any

from sagemaker.core.drift_check_baselines import DriftCheckBaselines
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.model_metrics import FileSource, MetricsSource, ModelMetrics
from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import MetricDefinition, OutputDataConfig, StoppingCondition
from sagemaker.core.transformer import Transformer
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow import (
    CacheConfig,
    ConditionStep,
    FailStep,
    LambdaOutput,
    LambdaStep,
    ModelStep,
    Pipeline,
    ProcessingStep,
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    TrainingStep,
    TransformStep,
)
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, Networking

from tests.conformance.sdk import MACHINE, processing_input, processing_output
from tests.unit.mlpipelines.samples import FUNCTION, IMAGE, ROLE

INPUT_URI = ParameterString("InputUri", default_value="s3://data/in/")
LEARNING_RATE = ParameterFloat("LearningRate", default_value=0.06)
SUBNETS, GROUPS = ["subnet-1", "subnet-2"], ["sg-1"]


def features(session: Session) -> ProcessingStep:
    network = NetworkConfig(
        subnets=SUBNETS,
        security_group_ids=GROUPS,
        enable_network_isolation=False,
        encrypt_inter_container_traffic=False,
    )
    processor = Processor(
        role=ROLE,
        image_uri=IMAGE,
        entrypoint=["python3", "/opt/ml/processing/code/features.py"],
        volume_size_in_gb=30,
        output_kms_key="key-1",
        max_runtime_in_seconds=14400,
        env={"A": "1", "B": "2"},
        tags=[{"Key": "cost", "Value": "1"}, {"Key": "team", "Value": "demand"}],
        network_config=network,
        sagemaker_session=session,
        **MACHINE,
    )
    train = Join(on="/", values=["s3://artifacts", ExecutionVariables.PIPELINE_EXECUTION_ID, "train"])
    arguments = processor.run(
        inputs=[processing_input("data", INPUT_URI, "/opt/ml/processing/input")],
        outputs=[
            processing_output("train", "/opt/ml/processing/train", train),
            processing_output("test", "/opt/ml/processing/test", "s3://artifacts/test"),
        ],
        arguments=["--weeks", "8", LEARNING_RATE.to_string()],
    )
    return ProcessingStep("Features", step_args=arguments)


def train(session: Session, features: ProcessingStep) -> TrainingStep:
    outputs = features.properties.ProcessingOutputConfig.Outputs
    trainer = ModelTrainer(
        training_image=IMAGE,
        role=ROLE,
        base_job_name="demand",
        compute=Compute(volume_size_in_gb=30, **MACHINE),
        output_data_config=OutputDataConfig(s3_output_path="s3://artifacts/models"),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=14400),
        networking=Networking(subnets=SUBNETS, security_group_ids=GROUPS),
        hyperparameters={
            "max_iter": 300,
            "learning_rate": LEARNING_RATE.to_string(),  # as it is, it would be a number, and CreateTrainingJob takes text
            "uri": outputs["test"].S3Output.S3Uri,
        },
        sagemaker_session=session,
    ).with_metric_definitions([MetricDefinition(name="validation:rmse", regex="rmse=([0-9.]+)")])
    arguments = trainer.train(
        input_data_config=[
            InputData(channel_name="train", data_source=outputs["train"].S3Output.S3Uri, content_type="text/csv")
        ]
    )
    retries = SageMakerJobStepRetryPolicy(
        exception_types=[SageMakerJobExceptionTypeEnum.CAPACITY_ERROR], max_attempts=5
    )
    return TrainingStep(
        "Train",
        step_args=arguments,
        cache_config=CacheConfig(enable_caching=True, expire_after="P30D"),
        retry_policies=[retries],
    )


def evaluate(session: Session, train: TrainingStep) -> ProcessingStep:
    processor = Processor(
        role=ROLE,
        image_uri=IMAGE,
        volume_size_in_gb=30,
        max_runtime_in_seconds=14400,
        sagemaker_session=session,
        **MACHINE,
    )
    model = train.properties.ModelArtifacts.S3ModelArtifacts
    arguments = processor.run(
        inputs=[processing_input("model", model, "/opt/ml/processing/model")],
        outputs=[processing_output("evaluation", "/opt/ml/processing/evaluation", "s3://artifacts/evaluation")],
    )
    report = PropertyFile("evaluation", "evaluation", "evaluation.json")
    return ProcessingStep("Evaluate", step_args=arguments, property_files=[report])


def register(session: Session, train: TrainingStep) -> ModelStep:
    builder = ModelBuilder(
        image_uri=IMAGE,
        s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
        role_arn=ROLE,
        env_vars={"PROGRAM": "p"},
        sagemaker_session=session,
    )
    statistics, quality, limits, before, after, shap, bias_config, shap_config = (
        MetricsSource(content_type="application/json", s3_uri=f"s3://artifacts/{key}.json")
        for key in (
            "evaluation/evaluation",
            "quality/statistics",
            "quality/constraints",
            "data-bias/analysis",
            "model-bias/analysis",
            "explainability/analysis",
            "model-bias/analysis_config",
            "explainability/analysis_config",
        )
    )
    arguments = builder.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        transform_instances=["ml.m5.large"],
        model_package_group_name="demand",
        approval_status="PendingManualApproval",
        description="the weekly model",
        customer_metadata_properties={"owner": "demand"},
        model_metrics=ModelMetrics(
            model_statistics=statistics,
            model_data_statistics=quality,
            model_data_constraints=limits,
            bias_pre_training=before,
            bias_post_training=after,
            explainability=shap,
        ),
        drift_check_baselines=DriftCheckBaselines(
            model_data_statistics=quality,
            model_data_constraints=limits,
            bias_config_file=FileSource(content_type="application/json", s3_uri=bias_config.s3_uri),
            bias_pre_training_constraints=before,
            bias_post_training_constraints=after,
            explainability_constraints=shap,
            explainability_config_file=FileSource(content_type="application/json", s3_uri=shap_config.s3_uri),
        ),
    )
    return ModelStep("RegisterModel", step_args=arguments, description="the weekly model")


def check(register: ModelStep) -> ConditionStep:
    value = JsonGet(step_name="Evaluate", property_file="evaluation", json_path="metrics.rmse.value")
    fail = FailStep("MetricTooLow", error_message=Join(on=" ", values=["not good enough on", INPUT_URI]))
    return ConditionStep(
        "CheckMetric",
        conditions=[ConditionLessThanOrEqualTo(value, 0.9)],
        if_steps=[register],
        else_steps=[fail],
    )


def resolve(session: Session) -> LambdaStep:
    return LambdaStep(
        "ResolveInputs",
        lambda_func=Lambda(function_arn=FUNCTION, session=session),
        inputs={"group": "demand", "attempts": 3},
        outputs=[LambdaOutput("model_package_arn")],
    )


def create_model(session: Session, train: TrainingStep) -> ModelStep:
    builder = ModelBuilder(
        image_uri=IMAGE,
        s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
        role_arn=ROLE,
        env_vars={"PROGRAM": "p"},
        sagemaker_session=session,
        network=Networking(subnets=SUBNETS, security_group_ids=GROUPS),
    )
    return ModelStep("CreateModel", step_args=builder.build())


def predict(session: Session, model: ModelStep) -> TransformStep:
    transformer = Transformer(
        model_name=model.properties.ModelName,
        strategy="MultiRecord",
        assemble_with="Line",
        output_path="s3://output/",
        accept="text/csv",
        max_payload=6,
        sagemaker_session=session,
        **MACHINE,
    )
    arguments = transformer.transform(
        data=INPUT_URI,
        content_type="text/csv",
        split_type="Line",
        join_source="Input",
        input_filter="$[1:]",
        output_filter="$[0,-1]",
    )
    return TransformStep("Predict", step_args=arguments, depends_on=["Features", "Train"])


def pipeline(session: Session) -> Any:
    made_features = features(session)
    trained = train(session, made_features)
    evaluated = evaluate(session, trained)
    model = create_model(session, trained)
    steps = [
        made_features,
        trained,
        evaluated,
        check(register(session, trained)),
        resolve(session),
        model,
        predict(session, model),
    ]
    return Pipeline(
        "demand",
        parameters=[INPUT_URI, LEARNING_RATE],
        steps=steps,
        sagemaker_session=session,
        pipeline_experiment_config=None,
    )
