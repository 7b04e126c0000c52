"""What every pipeline of the platform is made of: source, image, machines, schedule, and the AWS resource itself."""

from mlplatform.pipeline.image import ContainerImage, UnknownImageError
from mlplatform.pipeline.jobs import JobResources
from mlplatform.pipeline.problems import InvalidPropsError
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.schedule import Schedule
from mlplatform.pipeline.source import SourceDirectory, StagedSource

__all__ = [
    "ContainerImage",
    "InvalidPropsError",
    "JobResources",
    "SageMakerPipeline",
    "Schedule",
    "SourceDirectory",
    "StagedSource",
    "UnknownImageError",
]
