"""The steps of a pipeline, one module per kind of work."""

from mlpipelines.steps.base import JobStep, RetryableStep, Step, StepDependency
from mlpipelines.steps.checks import (
    CheckBaseline,
    CheckJob,
    ClarifyCheckStep,
    DataQuality,
    DatasetFormat,
    ModelQuality,
    QualityCheckStep,
)
from mlpipelines.steps.control import CallbackOutput, CallbackStep, ConditionStep, FailStep, LambdaOutput, LambdaStep
from mlpipelines.steps.model import ModelContainer, ModelStep, RegisterModelStep
from mlpipelines.steps.model_reports import DriftCheckBaselines, ModelMetrics
from mlpipelines.steps.processing import ProcessingInput, ProcessingOutput, ProcessingStep, PropertyFile
from mlpipelines.steps.training import TrainingJob, TrainingStep
from mlpipelines.steps.training_options import (
    CheckpointConfig,
    InstanceGroup,
    InstancePreference,
    ManagedSpotTraining,
    MetricDefinition,
    TrainingChannel,
)
from mlpipelines.steps.transform import TransformStep
from mlpipelines.steps.tuning import (
    CategoricalRange,
    CompletionCriteria,
    ContinuousRange,
    Hyperband,
    IntegerRange,
    ParameterRange,
    TuningLimits,
    TuningObjective,
    TuningStep,
    WarmStart,
)

__all__ = [
    "CallbackOutput",
    "CallbackStep",
    "CategoricalRange",
    "CheckBaseline",
    "CheckJob",
    "CheckpointConfig",
    "ClarifyCheckStep",
    "CompletionCriteria",
    "ConditionStep",
    "ContinuousRange",
    "DataQuality",
    "DatasetFormat",
    "DriftCheckBaselines",
    "FailStep",
    "Hyperband",
    "InstanceGroup",
    "InstancePreference",
    "IntegerRange",
    "JobStep",
    "LambdaOutput",
    "LambdaStep",
    "ManagedSpotTraining",
    "MetricDefinition",
    "ModelContainer",
    "ModelMetrics",
    "ModelQuality",
    "ModelStep",
    "ParameterRange",
    "ProcessingInput",
    "ProcessingOutput",
    "ProcessingStep",
    "PropertyFile",
    "QualityCheckStep",
    "RegisterModelStep",
    "RetryableStep",
    "Step",
    "StepDependency",
    "TrainingChannel",
    "TrainingJob",
    "TrainingStep",
    "TransformStep",
    "TuningLimits",
    "TuningObjective",
    "TuningStep",
    "WarmStart",
]
