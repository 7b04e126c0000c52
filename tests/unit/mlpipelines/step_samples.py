"""One step of each type that the pipeline of samples.py has not, and a training step with all its options."""

from __future__ import annotations

from mlpipelines import (
    CacheConfig,
    CallbackOutput,
    CallbackStep,
    CategoricalRange,
    CheckBaseline,
    CheckJob,
    CheckpointConfig,
    ClarifyCheckStep,
    CompletionCriteria,
    ContinuousRange,
    DataQuality,
    DatasetFormat,
    Hyperband,
    InstanceGroup,
    InstancePreference,
    IntegerRange,
    ManagedSpotTraining,
    MetricDefinition,
    ModelQuality,
    Parameter,
    Pipeline,
    QualityCheckStep,
    Step,
    StepDependency,
    TrainingChannel,
    TrainingJob,
    TrainingStep,
    TuningLimits,
    TuningObjective,
    TuningStep,
    WarmStart,
)
from tests.unit.mlpipelines.samples import IMAGE, NETWORK, ROLE

QUEUE = "https://sqs.us-east-1.amazonaws.com/111122223333/approvals"
MONITOR = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CLARIFY = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
SKIP = Parameter(name="SkipCheck", type="Boolean", default=False)
SEED = Parameter(name="Seed", type="Integer", default=4)

SPOT = TrainingStep(
    name="Spot",
    image_uri=IMAGE,
    role_arn=ROLE,
    instance_type="ml.m5.large",
    instance_count=2,
    output_s3_uri="s3://artifacts/models",
    channels=(
        TrainingChannel(name="train", s3_uri="s3://data/train", input_mode="FastFile", distribution="ShardedByS3Key"),
    ),
    hyperparameters={"seed": SEED},
    spot=ManagedSpotTraining(max_wait_seconds=20_000),
    checkpoints=CheckpointConfig(s3_uri="s3://artifacts/checkpoints", local_path="/opt/ml/checkpoints"),
    keep_alive_seconds=60,
    max_retry_attempts=3,
    environment={"A": 1},
    enable_network_isolation=True,
    encrypt_inter_container_traffic=True,
)
PREFERRED = TrainingStep(
    name="Preferred",
    image_uri=IMAGE,
    role_arn=ROLE,
    output_s3_uri="s3://artifacts/models",
    instance_preferences=(
        InstancePreference(instance_type="ml.m5.large"),
        InstancePreference(instance_type="ml.m5.xlarge"),
    ),
    instance_count=2,
)
GROUPED = TrainingStep(
    name="Grouped",
    image_uri=IMAGE,
    role_arn=ROLE,
    output_s3_uri="s3://artifacts/models",
    instance_groups=(
        InstanceGroup(name="data", instance_type="ml.c5.2xlarge", instance_count=2),
        InstanceGroup(name="model", instance_type="ml.g5.xlarge"),
    ),
)
TUNE = TuningStep(
    name="Tune",
    job=TrainingJob(
        image_uri=IMAGE,
        role_arn=ROLE,
        instance_type="ml.m5.large",
        instance_count=2,
        output_s3_uri="s3://artifacts/models/",
        channels=(TrainingChannel(name="train", s3_uri="s3://data/train", content_type="text/csv"),),
        hyperparameters={"rate": 0.1, "depth": 3, "kind": "a", "seed": 4},
        metric_definitions=(MetricDefinition(name="validation:loss", regex="validation:loss=([0-9.e-]+)"),),
        spot=ManagedSpotTraining(max_wait_seconds=20_000),
        checkpoints=CheckpointConfig(s3_uri="s3://artifacts/checkpoints"),
        max_retry_attempts=3,
        network=NETWORK,
    ),
    objective=TuningObjective(metric_name="validation:loss", type="Minimize"),
    ranges=(
        ContinuousRange(name="rate", minimum=0.1, maximum=0.9, scaling="Logarithmic"),
        IntegerRange(name="depth", minimum=1, maximum=5),
        CategoricalRange(name="kind", values=("a", "b")),
    ),
    limits=TuningLimits(max_jobs=9, max_parallel_jobs=3, max_runtime_seconds=3600),
    early_stopping="Auto",
    completion=CompletionCriteria(target_metric_value=0.1, max_jobs_not_improving=4, on_convergence=True),
    warm_start=WarmStart(parents=("before",)),
    random_seed=7,
    tags={"team": "demand"},
)
HYPERBAND = TuningStep(
    name="Hyperband",
    job=TrainingJob(
        image_uri=IMAGE,
        role_arn=ROLE,
        instance_type="ml.m5.large",
        output_s3_uri="s3://artifacts/models",
        metric_definitions=(MetricDefinition(name="loss", regex="loss=([0-9.]+)"),),
    ),
    objective=TuningObjective(metric_name="loss", type="Maximize"),
    ranges=(ContinuousRange(name="rate", minimum=0.1, maximum=0.9),),
    limits=TuningLimits(max_jobs=2),
    strategy="Hyperband",
    hyperband=Hyperband(min_resource=1, max_resource=9),
    cache=CacheConfig(),
)
ASK = CallbackStep(
    name="Ask",
    sqs_queue_url=QUEUE,
    inputs={"question": "how many"},
    outputs=(CallbackOutput(name="answer"), CallbackOutput(name="count", type="Integer")),
    depends_on=(StepDependency("Tune", "Failed"), StepDependency("Spot", "Any"), StepDependency("Grouped")),
)
DATA_QUALITY = QualityCheckStep(
    name="DataQuality",
    job=CheckJob(
        image_uri=MONITOR,
        role_arn=ROLE,
        instance_type="ml.m5.large",
        max_runtime_seconds=1800,
        environment={"X": "1"},
        volume_kms_key_id="volume-key",
        output_kms_key_id="output-key",
        tags={"team": "demand"},
    ),
    check=DataQuality(dataset_uri="s3://data/b.csv", output_uri="s3://output/quality", format=DatasetFormat.csv()),
    baseline=CheckBaseline(
        model_package_group_name="demand",
        supplied_statistics_uri="s3://baseline/statistics.json",
        supplied_constraints_uri="s3://baseline/constraints.json",
        skip_check=SKIP,
        register_new_baseline=True,
    ),
    cache=CacheConfig(),
)
MODEL_QUALITY = QualityCheckStep(
    name="ModelQuality",
    job=CheckJob(image_uri=MONITOR, role_arn=ROLE, instance_type="ml.m5.large", max_runtime_seconds=1800),
    check=ModelQuality(
        dataset_uri="s3://data/b.jsonl",
        output_uri="s3://output/quality",
        format=DatasetFormat.json(),
        problem_type="BinaryClassification",
        ground_truth_attribute="truth",
        inference_attribute="label",
        probability_attribute="probability",
        probability_threshold=0.5,
    ),
    baseline=CheckBaseline(fail_on_violation=False),
)
DATA_BIAS = ClarifyCheckStep(
    name="DataBias",
    job=CheckJob(image_uri=CLARIFY, role_arn=ROLE, instance_type="ml.m5.large", max_runtime_seconds=1800),
    check_type="DATA_BIAS",
    analysis_config_uri="s3://output/config/analysis_config.json",
    dataset_uri="s3://data/b.csv",
    output_uri="s3://output/bias",
    baseline=CheckBaseline(supplied_constraints_uri="s3://baseline/constraints.json"),
)
EXPLAINABILITY = ClarifyCheckStep(
    name="Explainability",
    job=CheckJob(image_uri=CLARIFY, role_arn=ROLE, instance_type="ml.m5.large", max_runtime_seconds=1800),
    check_type="MODEL_EXPLAINABILITY",
    analysis_config_uri="s3://output/config/analysis_config.json",
    dataset_uri="s3://data/b.csv",
    output_uri="s3://output/bias",
    model_name="demand",
)
STEPS: tuple[Step, ...] = (
    SPOT,
    PREFERRED,
    GROUPED,
    TUNE,
    HYPERBAND,
    ASK,
    DATA_QUALITY,
    MODEL_QUALITY,
    DATA_BIAS,
    EXPLAINABILITY,
)
PIPELINE = Pipeline(name="every-other-step", steps=STEPS, parameters=(SKIP, SEED))
