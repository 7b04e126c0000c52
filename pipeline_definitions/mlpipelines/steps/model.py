"""Models: create one for a transform job, register a version in a model package group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mlpipelines.expressions import Get, JsonObject, Text, Value, tag_list, text_list, text_map, without_none
from mlpipelines.options import NetworkConfig
from mlpipelines.steps.base import RetryableStep
from mlpipelines.steps.model_reports import DriftCheckBaselines, ModelMetrics


@dataclass(frozen=True, kw_only=True)
class ModelContainer:
    """The container that serves a model: either an image (with model data), or a registered model package."""

    image_uri: Text | None = None
    model_data_url: Text | None = None
    model_package_arn: Text | None = None
    environment: Mapping[str, Value] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        environment = text_map(self.environment)
        if self.model_package_arn is not None:
            return without_none(ModelPackageName=self.model_package_arn, Environment=environment or None)
        return without_none(Image=self.image_uri, Environment=environment, ModelDataUrl=self.model_data_url)


@dataclass(frozen=True, kw_only=True)
class ModelStep(RetryableStep):
    """Makes a SageMaker model (CreateModel) that a `TransformStep` can use."""

    type: ClassVar[str] = "Model"

    role_arn: Text
    container: ModelContainer
    network: NetworkConfig | None = None
    enable_network_isolation: bool = False
    tags: Mapping[str, Text] = field(default_factory=dict)

    @property
    def model_name(self) -> Get:
        """The name that SageMaker gave the model."""
        return self.get("ModelName")

    def request(self) -> JsonObject:
        container = self.container.to_json()
        network = self.network
        isolated = self.enable_network_isolation or (network is not None and network.enable_network_isolation)
        # A container made from a model package stands in the list form, as the SDK writes it.
        from_package = self.container.model_package_arn is not None
        return without_none(
            ExecutionRoleArn=self.role_arn,
            Containers=[container] if from_package else None,
            PrimaryContainer=None if from_package else container,
            Tags=tag_list(self.tags),
            VpcConfig=None if network is None else network.vpc_config(),
            EnableNetworkIsolation=True if isolated else None,
        )


@dataclass(frozen=True, kw_only=True)
class RegisterModelStep(RetryableStep):
    """Registers a version in a model package group (CreateModelPackage).

    `metrics` are the version's reports; `drift_check_baselines` is what the checks of later executions compare with.
    `description` describes both the step and the model package. The container is given by its image: no version is made
    from a version.
    """

    type: ClassVar[str] = "RegisterModel"

    model_package_group_name: Text
    container: ModelContainer
    content_types: Sequence[Value] = ()
    response_types: Sequence[Value] = ()
    transform_instance_types: Sequence[Value] = ()
    inference_instance_types: Sequence[Value] = ()
    approval_status: Text = "PendingManualApproval"
    metrics: ModelMetrics | None = None
    drift_check_baselines: DriftCheckBaselines | None = None
    customer_metadata: Mapping[str, Value] = field(default_factory=dict)
    tags: Mapping[str, Text] = field(default_factory=dict)

    @property
    def model_package_arn(self) -> Get:
        """The ARN of the registered version."""
        return self.get("ModelPackageArn")

    def request(self) -> JsonObject:
        baselines = self.drift_check_baselines
        return without_none(
            ModelPackageGroupName=self.model_package_group_name,
            ModelPackageDescription=self.description,
            Tags=tag_list(self.tags),
            ModelMetrics=None if self.metrics is None else self.metrics.to_json(),
            DriftCheckBaselines=None if baselines is None else baselines.to_json() or None,
            CustomerMetadataProperties=text_map(self.customer_metadata) or None,
            InferenceSpecification=without_none(
                Containers=[self.container.to_json()],
                SupportedContentTypes=text_list(self.content_types),
                SupportedResponseMIMETypes=text_list(self.response_types),
                SupportedRealtimeInferenceInstanceTypes=text_list(self.inference_instance_types) or None,
                SupportedTransformInstanceTypes=text_list(self.transform_instance_types) or None,
            ),
            ModelApprovalStatus=self.approval_status,
            SkipModelValidation="None",
        )
