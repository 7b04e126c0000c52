"""Processing: a container that reads directories and writes directories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mlpipelines.expressions import (
    Get,
    JsonObject,
    Number,
    Text,
    Value,
    tag_list,
    text_list,
    text_map,
    to_json,
    without_none,
)
from mlpipelines.options import NetworkConfig
from mlpipelines.steps.base import JobStep


@dataclass(frozen=True, kw_only=True)
class ProcessingInput:
    """Objects in S3 that the job finds in a directory, usually under `/opt/ml/processing`.

    `s3_uri` is a prefix; with `data_type="ManifestFile"` it is a file that lists objects. Each instance gets all of them,
    or with `distribution="ShardedByS3Key"` its share. With `app_managed`, SageMaker only knows of it: the container brings
    the objects (API reference, ProcessingInput).
    """

    name: str
    s3_uri: Text
    local_path: Text
    data_type: Literal["S3Prefix", "ManifestFile"] = "S3Prefix"
    distribution: Literal["FullyReplicated", "ShardedByS3Key"] = "FullyReplicated"
    app_managed: bool = False

    def to_json(self) -> JsonObject:
        source = {
            "S3Uri": to_json(self.s3_uri),
            "LocalPath": to_json(self.local_path),
            "S3DataType": self.data_type,
            "S3InputMode": "File",
            "S3DataDistributionType": self.distribution,
            "S3CompressionType": "None",
        }
        return {"InputName": self.name, "AppManaged": self.app_managed, "S3Input": source}


@dataclass(frozen=True, kw_only=True)
class ProcessingOutput:
    """A directory that is uploaded under an S3 prefix: when the job has succeeded, or `Continuous`ly, while it runs."""

    name: str
    local_path: Text
    s3_uri: Text
    upload_mode: Literal["EndOfJob", "Continuous"] = "EndOfJob"

    def to_json(self) -> JsonObject:
        target = {
            "S3Uri": to_json(self.s3_uri),
            "LocalPath": to_json(self.local_path),
            "S3UploadMode": self.upload_mode,
        }
        return {"OutputName": self.name, "AppManaged": False, "S3Output": target}


@dataclass(frozen=True, kw_only=True)
class PropertyFile:
    """A JSON file in an output of a processing step, out of which conditions read values with `JsonGet`.

    `output_name` names the output, `path` the file in it: `evaluation.json`.
    """

    name: str
    output_name: str
    path: str

    def to_json(self) -> JsonObject:
        return {"PropertyFileName": self.name, "OutputName": self.output_name, "FilePath": self.path}


@dataclass(frozen=True, kw_only=True)
class ProcessingStep(JobStep):
    """A processing job (CreateProcessingJob): data validation, features, evaluation, conversion.

    `entrypoint` and `arguments` are what the container runs. A job over `max_runtime_seconds` (default 4
    hours) is stopped, so that the cost of a job that hangs is bounded.
    """

    type: ClassVar[str] = "Processing"

    image_uri: Text
    role_arn: Text
    instance_type: Text
    entrypoint: Sequence[Value] = ()
    arguments: Sequence[Value] = ()
    inputs: Sequence[ProcessingInput] = ()
    outputs: Sequence[ProcessingOutput] = ()
    instance_count: Number = 1
    volume_size_gb: Number = 30
    environment: Mapping[str, Value] = field(default_factory=dict)
    max_runtime_seconds: Number = 14_400
    network: NetworkConfig | None = None
    volume_kms_key_id: Text | None = None
    output_kms_key_id: Text | None = None
    property_files: Sequence[PropertyFile] = ()
    tags: Mapping[str, Text] = field(default_factory=dict)

    def output_uri(self, name: str) -> Get:
        """The S3 prefix of the output called `name`, once the job is done."""
        return self.get(f"ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")

    def request(self) -> JsonObject:
        cluster = without_none(
            InstanceType=self.instance_type,
            InstanceCount=self.instance_count,
            VolumeSizeInGB=self.volume_size_gb,
            VolumeKmsKeyId=self.volume_kms_key_id,
        )
        return without_none(
            ProcessingResources={"ClusterConfig": cluster},
            AppSpecification=without_none(
                ImageUri=self.image_uri,
                ContainerArguments=text_list(self.arguments) or None,
                ContainerEntrypoint=text_list(self.entrypoint) or None,
            ),
            RoleArn=self.role_arn,
            ProcessingInputs=[source.to_json() for source in self.inputs] or None,
            ProcessingOutputConfig=self._output_config(),
            Environment=text_map(self.environment) or None,
            NetworkConfig=None if self.network is None else self.network.processing_network_config(),
            StoppingCondition=without_none(MaxRuntimeInSeconds=self.max_runtime_seconds),
            Tags=tag_list(self.tags),
        )

    def to_json(self) -> JsonObject:
        step = super().to_json()
        if self.property_files:
            step["PropertyFiles"] = [file.to_json() for file in self.property_files]
        return step

    def _output_config(self) -> JsonObject | None:
        if not self.outputs:
            return None
        return without_none(Outputs=[output.to_json() for output in self.outputs], KmsKeyId=self.output_kms_key_id)
