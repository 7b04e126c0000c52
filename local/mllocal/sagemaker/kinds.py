"""The kinds of SageMaker resources: where each keeps its name, ARN and status. Data, so that list and describe are written once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of resource. `arn_type` is the part of the ARN before the name, `missing` what AWS answers for an unknown name."""

    name: str
    arn_type: str
    name_field: str
    arn_field: str
    status_field: str | None = None
    missing_code: str = "ResourceNotFound"
    missing_message: str = "{kind} {name!r} does not exist"


def _job(name: str, arn_type: str) -> Kind:
    return Kind(
        name=name,
        arn_type=arn_type,
        name_field=f"{name}Name",
        arn_field=f"{name}Arn",
        status_field=f"{name}Status",
        missing_code="ValidationException",
        missing_message="Could not find requested job with name: {name}",
    )


PIPELINE = Kind("Pipeline", "pipeline", "PipelineName", "PipelineArn", "PipelineStatus")
EXECUTION = Kind(
    "PipelineExecution", "pipeline", "PipelineExecutionArn", "PipelineExecutionArn", "PipelineExecutionStatus"
)
STEP = Kind("PipelineExecutionStep", "", "StepName", "StepName", "StepStatus")
PROCESSING_JOB = _job("ProcessingJob", "processing-job")
TRAINING_JOB = _job("TrainingJob", "training-job")
TRANSFORM_JOB = _job("TransformJob", "transform-job")
HYPER_PARAMETER_TUNING_JOB = _job("HyperParameterTuningJob", "hyper-parameter-tuning-job")
MODEL = Kind(
    "Model",
    "model",
    "ModelName",
    "ModelArn",
    missing_code="ValidationException",
    missing_message="Could not find model {name!r}",
)
MODEL_PACKAGE_GROUP = Kind(
    "ModelPackageGroup",
    "model-package-group",
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    "ModelPackageGroupStatus",
    missing_code="ValidationException",
    missing_message="ModelPackageGroup {name} does not exist",
)
MODEL_PACKAGE = Kind(
    "ModelPackage",
    "model-package",
    "ModelPackageName",
    "ModelPackageArn",
    "ModelPackageStatus",
    missing_code="ValidationException",
    missing_message="ModelPackage {name} does not exist",
)
ENDPOINT = Kind(
    "Endpoint",
    "endpoint",
    "EndpointName",
    "EndpointArn",
    "EndpointStatus",
    missing_code="ValidationException",
    missing_message="Could not find endpoint {name!r}",
)
ENDPOINT_CONFIG = Kind(
    "EndpointConfig",
    "endpoint-config",
    "EndpointConfigName",
    "EndpointConfigArn",
    missing_code="ValidationException",
    missing_message="Could not find endpoint configuration {name!r}",
)
INFERENCE_COMPONENT = Kind(
    "InferenceComponent",
    "inference-component",
    "InferenceComponentName",
    "InferenceComponentArn",
    "InferenceComponentStatus",
    missing_code="ValidationException",
    missing_message="Could not find inference component {name!r}",
)
MLFLOW_APP = Kind("MlflowApp", "mlflow-app", "Name", "Arn", "Status")
MLFLOW_TRACKING_SERVER = Kind(
    "MlflowTrackingServer",
    "mlflow-tracking-server",
    "TrackingServerName",
    "TrackingServerArn",
    "TrackingServerStatus",
)
DOMAIN = Kind("Domain", "domain", "DomainName", "DomainArn", "Status")
USER_PROFILE = Kind("UserProfile", "user-profile", "UserProfileName", "UserProfileArn", "Status")
SPACE = Kind("Space", "space", "SpaceName", "SpaceArn", "Status")
APP = Kind("App", "app", "AppName", "AppArn", "Status")
IMAGE = Kind("Image", "image", "ImageName", "ImageArn", "ImageStatus")
APP_IMAGE_CONFIG = Kind("AppImageConfig", "app-image-config", "AppImageConfigName", "AppImageConfigArn")
