"""The steps of a pipeline, one module per kind of work."""

from mlpipelines.steps.base import JobStep, RetryableStep, Step
from mlpipelines.steps.control import ConditionStep, FailStep, LambdaOutput, LambdaStep
from mlpipelines.steps.model import ModelContainer, ModelStep, RegisterModelStep
from mlpipelines.steps.processing import ProcessingInput, ProcessingOutput, ProcessingStep, PropertyFile
from mlpipelines.steps.training import MetricDefinition, TrainingChannel, TrainingStep
from mlpipelines.steps.transform import TransformStep

__all__ = [
    "ConditionStep",
    "FailStep",
    "JobStep",
    "LambdaOutput",
    "LambdaStep",
    "MetricDefinition",
    "ModelContainer",
    "ModelStep",
    "ProcessingInput",
    "ProcessingOutput",
    "ProcessingStep",
    "PropertyFile",
    "RegisterModelStep",
    "RetryableStep",
    "Step",
    "TrainingChannel",
    "TrainingStep",
    "TransformStep",
]
