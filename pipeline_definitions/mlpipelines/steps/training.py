"""Training: a container that reads channels and leaves a model archive."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mlpipelines.expressions import Get, Join, JsonObject, Number, Text, Value, tag_list, text_map, without_none
from mlpipelines.options import NetworkConfig
from mlpipelines.steps.base import JobStep
from mlpipelines.steps.training_options import (
    CheckpointConfig,
    InstanceGroup,
    InstancePreference,
    ManagedSpotTraining,
    MetricDefinition,
    TrainingChannel,
)


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What a training job is told: `TrainingStep` runs one, `TuningStep` many with different hyperparameters.

    Hyperparameters reach the container as text. The model archive is written under `output_s3_uri`. A job over
    `max_runtime_seconds` (default 4 hours) is stopped.

    The machines are `instance_count` of `instance_type`; or of the first of `instance_preferences`, at most 5, of which
    there is capacity; or those of `instance_groups`. With `spot` they are spare ones, `keep_alive_seconds` keeps them for
    the next job, and `max_retry_attempts` starts the job again after an InternalServerError (1 to 30 times).

    Isolation from the network and encryption between instances are on if they are here or in `network`.
    """

    image_uri: Text
    role_arn: Text
    output_s3_uri: Text
    instance_type: Text | None = None
    instance_preferences: Sequence[InstancePreference] = ()
    instance_groups: Sequence[InstanceGroup] = ()
    instance_count: Number = 1
    volume_size_gb: Number = 30
    channels: Sequence[TrainingChannel] = ()
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    metric_definitions: Sequence[MetricDefinition] = ()
    max_runtime_seconds: Number = 14_400
    spot: ManagedSpotTraining | None = None
    checkpoints: CheckpointConfig | None = None
    keep_alive_seconds: Number | None = None
    max_retry_attempts: Number | None = None
    environment: Mapping[str, Value] = field(default_factory=dict)
    network: NetworkConfig | None = None
    volume_kms_key_id: Text | None = None
    output_kms_key_id: Text | None = None
    enable_network_isolation: bool = False
    encrypt_inter_container_traffic: bool = False

    def job_request(self) -> JsonObject:
        """What CreateTrainingJob and the definition in a tuning job have in common."""
        network, retries = self.network, self.max_retry_attempts
        isolated = self.enable_network_isolation or (network is not None and network.enable_network_isolation)
        encrypted = self.encrypt_inter_container_traffic or (
            network is not None and network.encrypt_inter_container_traffic
        )
        return without_none(
            AlgorithmSpecification=without_none(
                TrainingInputMode="File",
                TrainingImage=self.image_uri,
                MetricDefinitions=[metric.to_json() for metric in self.metric_definitions] or None,
            ),
            OutputDataConfig=without_none(S3OutputPath=self.output_s3_uri, KmsKeyId=self.output_kms_key_id),
            StoppingCondition=without_none(
                MaxRuntimeInSeconds=self.max_runtime_seconds,
                MaxWaitTimeInSeconds=None if self.spot is None else self.spot.max_wait_seconds,
            ),
            ResourceConfig=self._resource_config(),
            RoleArn=self.role_arn,
            InputDataConfig=[channel.to_json() for channel in self.channels] or None,
            Environment=text_map(self.environment) or None,
            VpcConfig=None if network is None else network.vpc_config(),
            CheckpointConfig=None if self.checkpoints is None else self.checkpoints.to_json(),
            RetryStrategy=None if retries is None else without_none(MaximumRetryAttempts=retries),
            EnableManagedSpotTraining=None if self.spot is None else True,
            EnableNetworkIsolation=True if isolated else None,
            EnableInterContainerTrafficEncryption=True if encrypted else None,
        )

    def hyperparameter_texts(self, *, without: Container[str] = ()) -> JsonObject:
        """The hyperparameters but some. The SDK turns the properties of other steps into text here, whatever their type."""
        return text_map(
            {
                name: Join(on="", values=(value,)) if _is_step_property(value) else value
                for name, value in self.hyperparameters.items()
                if name not in without
            }
        )

    def _resource_config(self) -> JsonObject:
        counted = (*self.instance_groups, *(one for one in self.instance_preferences if one.instance_count is not None))
        return without_none(
            VolumeSizeInGB=self.volume_size_gb,
            VolumeKmsKeyId=self.volume_kms_key_id,
            InstanceCount=None if counted else self.instance_count,
            InstanceType=self.instance_type,
            InstancePreferences=[preference.to_json() for preference in self.instance_preferences] or None,
            InstanceGroups=[group.to_json() for group in self.instance_groups] or None,
            KeepAlivePeriodInSeconds=self.keep_alive_seconds,
        )


@dataclass(frozen=True, kw_only=True)
class TrainingStep(JobStep, TrainingJob):
    """A training job (CreateTrainingJob); `TrainingJob` says what it is told.

    SageMaker Debugger's profiler is off, as with the SDK's `disable_profiler=True`.
    """

    type: ClassVar[str] = "Training"

    tags: Mapping[str, Text] = field(default_factory=dict)

    @property
    def model_artifacts(self) -> Get:
        """The S3 URI of the model archive (`model.tar.gz`), once the job is done."""
        return self.get("ModelArtifacts.S3ModelArtifacts")

    def request(self) -> JsonObject:
        return {
            **self.job_request(),
            **without_none(
                HyperParameters=self.hyperparameter_texts() or None,
                Tags=tag_list(self.tags),
                ProfilerConfig={"DisableProfiler": True},
            ),
        }


def _is_step_property(value: Value) -> bool:
    return isinstance(value, Get) and value.path.startswith("Steps.")
