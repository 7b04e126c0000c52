"""Training: a container that reads channels and leaves a model archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mlpipelines.expressions import (
    Get,
    Join,
    JsonObject,
    Number,
    Text,
    Value,
    tag_list,
    text_map,
    to_json,
    without_none,
)
from mlpipelines.options import NetworkConfig
from mlpipelines.steps.base import JobStep


@dataclass(frozen=True, kw_only=True)
class TrainingChannel:
    """Objects under an S3 prefix that the job finds in `/opt/ml/input/data/<name>`.

    `input_mode` is `File` (downloaded first), `FastFile` (read on demand) or `Pipe`.
    """

    name: str
    s3_uri: Text
    content_type: Text | None = None
    input_mode: Text = "File"

    def to_json(self) -> JsonObject:
        source = {
            "S3DataType": "S3Prefix",
            "S3Uri": to_json(self.s3_uri),
            "S3DataDistributionType": "FullyReplicated",
        }
        return without_none(
            DataSource={"S3DataSource": source},
            ContentType=self.content_type,
            InputMode=self.input_mode,
            ChannelName=self.name,
        )


@dataclass(frozen=True, kw_only=True)
class MetricDefinition:
    """A metric that SageMaker reads out of the job's log: the first group of `regex` is its value."""

    name: str
    regex: str

    def to_json(self) -> JsonObject:
        return {"Name": self.name, "Regex": self.regex}


@dataclass(frozen=True, kw_only=True)
class TrainingStep(JobStep):
    """A training job (CreateTrainingJob).

    Hyperparameters reach the container as text. The model archive is written under `output_s3_uri`. A job
    over `max_runtime_seconds` (default 4 hours) is stopped. `enable_network_isolation` is on if it is here or
    in `network`. SageMaker Debugger's profiler is off, as with the SDK's `disable_profiler=True`.
    """

    type: ClassVar[str] = "Training"

    image_uri: Text
    role_arn: Text
    instance_type: Text
    output_s3_uri: Text
    channels: Sequence[TrainingChannel] = ()
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    metric_definitions: Sequence[MetricDefinition] = ()
    instance_count: Number = 1
    volume_size_gb: Number = 30
    max_runtime_seconds: Number = 14_400
    environment: Mapping[str, Value] = field(default_factory=dict)
    network: NetworkConfig | None = None
    volume_kms_key_id: Text | None = None
    output_kms_key_id: Text | None = None
    enable_network_isolation: bool = False
    tags: Mapping[str, Text] = field(default_factory=dict)

    @property
    def model_artifacts(self) -> Get:
        """The S3 URI of the model archive (`model.tar.gz`), once the job is done."""
        return self.get("ModelArtifacts.S3ModelArtifacts")

    def request(self) -> JsonObject:
        network = self.network
        isolated = self.enable_network_isolation or (network is not None and network.enable_network_isolation)
        encrypted = network is not None and network.encrypt_inter_container_traffic
        return without_none(
            AlgorithmSpecification=without_none(
                TrainingInputMode="File",
                TrainingImage=self.image_uri,
                MetricDefinitions=[metric.to_json() for metric in self.metric_definitions] or None,
            ),
            OutputDataConfig=without_none(S3OutputPath=self.output_s3_uri, KmsKeyId=self.output_kms_key_id),
            StoppingCondition=without_none(MaxRuntimeInSeconds=self.max_runtime_seconds),
            ResourceConfig=without_none(
                VolumeSizeInGB=self.volume_size_gb,
                VolumeKmsKeyId=self.volume_kms_key_id,
                InstanceCount=self.instance_count,
                InstanceType=self.instance_type,
            ),
            RoleArn=self.role_arn,
            InputDataConfig=[channel.to_json() for channel in self.channels] or None,
            HyperParameters=self._hyperparameters() or None,
            Environment=text_map(self.environment) or None,
            Tags=tag_list(self.tags),
            VpcConfig=None if network is None else network.vpc_config(),
            ProfilerConfig={"DisableProfiler": True},
            EnableNetworkIsolation=True if isolated else None,
            EnableInterContainerTrafficEncryption=True if encrypted else None,
        )

    def _hyperparameters(self) -> JsonObject:
        """The SDK turns the properties of other steps into text here, whatever their type."""
        return text_map(
            {
                name: Join(on="", values=(value,)) if _is_step_property(value) else value
                for name, value in self.hyperparameters.items()
            }
        )


def _is_step_property(value: Value) -> bool:
    return isinstance(value, Get) and value.path.startswith("Steps.")
