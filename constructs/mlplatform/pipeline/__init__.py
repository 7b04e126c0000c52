"""What every pipeline of the platform is made of: source, image, machines, schedule, and the AWS resource itself."""

from mlplatform.pipeline.image import ContainerImage, UnknownImageError
from mlplatform.pipeline.jobs import JobResources
from mlplatform.pipeline.problems import InvalidPropsError
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.schedule import Schedule
from mlplatform.pipeline.source import SourceDirectory, StagedSource
from mlplatform.pipeline.start_events import AlarmRaised, NewData, PipelineSucceeded, StartOn

__all__ = [
    "AlarmRaised",
    "ContainerImage",
    "InvalidPropsError",
    "JobResources",
    "NewData",
    "PipelineSucceeded",
    "SageMakerPipeline",
    "Schedule",
    "SourceDirectory",
    "StagedSource",
    "StartOn",
    "UnknownImageError",
]
