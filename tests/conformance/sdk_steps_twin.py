"""The steps of tests/unit/mlpipelines/step_samples.py once more, written with the SDK."""

from __future__ import annotations

from typing import Any

from sagemaker.core.clarify import BiasConfig, DataConfig, ModelConfig, SHAPConfig
from sagemaker.core.model_monitor.dataset_format import DatasetFormat
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.shapes import (
    BestObjectiveNotImproving,
    Channel,
    CheckpointConfig,
    ConvergenceDetected,
    DataSource,
    HyperbandStrategyConfig,
    HyperParameterTuningJobStrategyConfig,
    HyperParameterTuningJobWarmStartConfig,
    InstanceGroup,
    InstancePreference,
    OutputDataConfig,
    ParentHyperParameterTuningJob,
    S3DataSource,
    StoppingCondition,
    TuningJobCompletionCriteria,
)
from sagemaker.core.workflow.parameters import ParameterBoolean, ParameterInteger
from sagemaker.mlops.workflow import (
    CacheConfig,
    CallbackOutput,
    CallbackStep,
    CheckJobConfig,
    ClarifyCheckStep,
    Pipeline,
    QualityCheckStep,
    StepDependency,
    TrainingStep,
    TriggerCondition,
    TuningStep,
)
from sagemaker.mlops.workflow.callback_step import CallbackOutputTypeEnum
from sagemaker.mlops.workflow.clarify_check_step import DataBiasCheckConfig, ModelExplainabilityCheckConfig
from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig, ModelQualityCheckConfig
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, Networking, RetryStrategy
from sagemaker.train.tuner import HyperparameterTuner

from tests.conformance.sdk import MACHINE
from tests.unit.mlpipelines.samples import IMAGE, NETWORK, ROLE
from tests.unit.mlpipelines.step_samples import QUEUE

SKIP = ParameterBoolean("SkipCheck", default_value=False)
SEED = ParameterInteger("Seed", default_value=4)
CACHE = CacheConfig(enable_caching=True, expire_after="P30D")


def pipeline(session: Any) -> Any:
    checks = [*_quality(session), *_clarify(session)]
    return Pipeline(
        "every-other-step",
        parameters=[SKIP, SEED],
        steps=[*_training(session), tune(session), _hyperband(session), _ask(), *checks],
        sagemaker_session=session,
        pipeline_experiment_config=None,
    )


def _trainer(session: Any, compute: Compute, max_wait: int | None = None, **options: Any) -> ModelTrainer:
    output = options.pop("output", "s3://artifacts/models")
    return ModelTrainer(
        training_image=IMAGE,
        role=ROLE,
        base_job_name="demand",
        compute=compute,
        output_data_config=OutputDataConfig(s3_output_path=output),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=14400, max_wait_time_in_seconds=max_wait),
        sagemaker_session=session,
        **options,
    )


def _channel(mode: str, distribution: str, content_type: str | None = None) -> Channel:
    source = S3DataSource(s3_data_type="S3Prefix", s3_uri="s3://data/train", s3_data_distribution_type=distribution)
    return Channel(
        channel_name="train",
        data_source=DataSource(s3_data_source=source),
        input_mode=mode,
        **({} if content_type is None else {"content_type": content_type}),
    )


def _training(session: Any) -> list[TrainingStep]:
    spot = _trainer(
        session,
        Compute(
            instance_type="ml.m5.large",
            instance_count=2,
            enable_managed_spot_training=True,
            keep_alive_period_in_seconds=60,
        ),
        max_wait=20_000,
        checkpoint_config=CheckpointConfig(s3_uri="s3://artifacts/checkpoints", local_path="/opt/ml/checkpoints"),
        networking=Networking(enable_network_isolation=True, enable_inter_container_traffic_encryption=True),
        environment={"A": "1"},
        hyperparameters={"seed": SEED.to_string()},
    ).with_retry_strategy(RetryStrategy(maximum_retry_attempts=3))
    types = [InstancePreference(instance_type=kind) for kind in ("ml.m5.large", "ml.m5.xlarge")]
    groups = [
        InstanceGroup(instance_group_name="data", instance_type="ml.c5.2xlarge", instance_count=2),
        InstanceGroup(instance_group_name="model", instance_type="ml.g5.xlarge", instance_count=1),
    ]
    return [
        TrainingStep("Spot", step_args=spot.train(input_data_config=[_channel("FastFile", "ShardedByS3Key")])),
        TrainingStep(
            "Preferred",
            step_args=_trainer(session, Compute(instance_preferences=types, instance_count=2)).train(),
        ),
        TrainingStep("Grouped", step_args=_trainer(session, Compute(instance_groups=groups)).train()),
    ]


def tune(session: Any) -> TuningStep:
    trainer = _trainer(
        session,
        Compute(instance_type="ml.m5.large", instance_count=2, enable_managed_spot_training=True),
        max_wait=20_000,
        output="s3://artifacts/models/",
        checkpoint_config=CheckpointConfig(s3_uri="s3://artifacts/checkpoints"),
        networking=Networking(subnets=list(NETWORK.subnets), security_group_ids=list(NETWORK.security_group_ids)),
        hyperparameters={"rate": 0.1, "depth": 3, "kind": "a", "seed": 4},
    ).with_retry_strategy(RetryStrategy(maximum_retry_attempts=3))
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="validation:loss",
        objective_type="Minimize",
        metric_definitions=[{"Name": "validation:loss", "Regex": "validation:loss=([0-9.e-]+)"}],
        hyperparameter_ranges={
            "rate": ContinuousParameter(0.1, 0.9, scaling_type="Logarithmic"),
            "depth": IntegerParameter(1, 5),
            "kind": CategoricalParameter(["a", "b"]),
        },
        max_jobs=9,
        max_parallel_jobs=3,
        max_runtime_in_seconds=3600,
        early_stopping_type="Auto",
        random_seed=7,
        completion_criteria_config=TuningJobCompletionCriteria(
            target_objective_metric_value=0.1,
            best_objective_not_improving=BestObjectiveNotImproving(max_number_of_training_jobs_not_improving=4),
            convergence_detected=ConvergenceDetected(complete_on_convergence="Enabled"),
        ),
        warm_start_config=HyperParameterTuningJobWarmStartConfig(
            warm_start_type="IdenticalDataAndAlgorithm",
            parent_hyper_parameter_tuning_jobs=[
                ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name="before")
            ],
        ),
        tags=[{"Key": "team", "Value": "demand"}],
    )
    return TuningStep("Tune", step_args=tuner.tune(inputs=[_channel("File", "FullyReplicated", "text/csv")]))


def _hyperband(session: Any) -> TuningStep:
    tuner = HyperparameterTuner(
        model_trainer=_trainer(session, Compute(**MACHINE), hyperparameters={"rate": 0.1}),
        objective_metric_name="loss",
        metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        hyperparameter_ranges={"rate": ContinuousParameter(0.1, 0.9)},
        strategy="Hyperband",
        strategy_config=HyperParameterTuningJobStrategyConfig(
            hyperband_strategy_config=HyperbandStrategyConfig(min_resource=1, max_resource=9)
        ),
        max_jobs=2,
    )
    return TuningStep("Hyperband", step_args=tuner.tune(), cache_config=CACHE)


def _ask() -> CallbackStep:
    return CallbackStep(
        "Ask",
        sqs_queue_url=QUEUE,
        inputs={"question": "how many"},
        outputs=[CallbackOutput("answer"), CallbackOutput("count", CallbackOutputTypeEnum.Integer)],
        depends_on=[
            StepDependency("Tune", TriggerCondition.FAILED),
            StepDependency("Spot", TriggerCondition.ANY),
            "Grouped",
        ],
    )


def _check_job(session: Any, **options: Any) -> CheckJobConfig:
    return CheckJobConfig(role=ROLE, max_runtime_in_seconds=1800, sagemaker_session=session, **MACHINE, **options)


def _quality(session: Any) -> list[QualityCheckStep]:
    job = _check_job(
        session,
        env={"X": "1"},
        volume_kms_key="volume-key",
        output_kms_key="output-key",
        tags=[{"Key": "team", "Value": "demand"}],
    )
    data = DataQualityCheckConfig(
        baseline_dataset="s3://data/b.csv", dataset_format=DatasetFormat.csv(), output_s3_uri="s3://output/quality"
    )
    model = ModelQualityCheckConfig(
        baseline_dataset="s3://data/b.jsonl",
        dataset_format=DatasetFormat.json(),
        output_s3_uri="s3://output/quality",
        problem_type="BinaryClassification",
        ground_truth_attribute="truth",
        inference_attribute="label",
        probability_attribute="probability",
        probability_threshold_attribute="0.5",
    )
    return [
        QualityCheckStep(
            "DataQuality",
            quality_check_config=data,
            check_job_config=job,
            model_package_group_name="demand",
            supplied_baseline_statistics="s3://baseline/statistics.json",
            supplied_baseline_constraints="s3://baseline/constraints.json",
            skip_check=SKIP,
            register_new_baseline=True,
            cache_config=CACHE,
        ),
        QualityCheckStep(
            "ModelQuality", quality_check_config=model, check_job_config=_check_job(session), fail_on_violation=False
        ),
    ]


def _clarify(session: Any) -> list[ClarifyCheckStep]:
    data = DataConfig(
        s3_data_input_path="s3://data/b.csv",
        s3_output_path="s3://output/bias",
        s3_analysis_config_output_path="s3://output/config",
        label="y",
        headers=["y", "a"],
        dataset_type="text/csv",
    )
    facet = BiasConfig(label_values_or_threshold=[1], facet_name="a", facet_values_or_threshold=[0.5])
    bias = DataBiasCheckConfig(data_config=data, data_bias_config=facet)
    explain = ModelExplainabilityCheckConfig(
        data_config=data,
        model_config=ModelConfig(model_name="demand", **MACHINE),
        explainability_config=SHAPConfig(num_samples=10, seed=1),
    )
    return [
        ClarifyCheckStep(
            "DataBias",
            clarify_check_config=bias,
            check_job_config=_check_job(session),
            supplied_baseline_constraints="s3://baseline/constraints.json",
        ),
        ClarifyCheckStep("Explainability", clarify_check_config=explain, check_job_config=_check_job(session)),
    ]
