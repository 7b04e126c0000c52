"""What a training job is made of: channels, metrics, checkpoints, machines. Tuning jobs take the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlpipelines.expressions import JsonObject, Number, Text, to_json, without_none


@dataclass(frozen=True, kw_only=True)
class TrainingChannel:
    """Objects under an S3 prefix that the job finds in `/opt/ml/input/data/<name>`.

    `input_mode` is `File` (downloaded first), `FastFile` (read on demand) or `Pipe`. With several instances each gets all
    objects, or its share of them when `distribution` is `ShardedByS3Key`; `instance_group_names` says which groups of a
    heterogeneous cluster get them, all when empty. `data_type` is `S3Prefix`, or `ManifestFile` when `s3_uri` names one.
    """

    name: str
    s3_uri: Text
    content_type: Text | None = None
    input_mode: Text = "File"
    distribution: Text = "FullyReplicated"
    data_type: Text = "S3Prefix"
    instance_group_names: Sequence[str] = ()

    def to_json(self) -> JsonObject:
        source = without_none(
            S3DataType=self.data_type,
            S3Uri=self.s3_uri,
            S3DataDistributionType=self.distribution,
            InstanceGroupNames=list(self.instance_group_names) or None,
        )
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
class CheckpointConfig:
    """Where the job's checkpoints are kept while it runs, and from where they come back when it is started again.

    The container finds them in `local_path`, SageMaker's `/opt/ml/checkpoints` when not given.
    """

    s3_uri: Text
    local_path: Text | None = None

    def to_json(self) -> JsonObject:
        return without_none(S3Uri=self.s3_uri, LocalPath=self.local_path)


@dataclass(frozen=True, kw_only=True)
class ManagedSpotTraining:
    """Spare capacity at a lower price, which SageMaker may take away and give back: keep checkpoints with it.

    `max_wait_seconds` bounds waiting and running together, so it is at least the job's `max_runtime_seconds`.
    """

    max_wait_seconds: Number


@dataclass(frozen=True, kw_only=True)
class InstancePreference:
    """One of the instance types that a job may run on. `instance_count` is the job's own when not given."""

    instance_type: Text
    instance_count: Number | None = None

    def to_json(self) -> JsonObject:
        return without_none(InstanceType=self.instance_type, InstanceCount=self.instance_count)


@dataclass(frozen=True, kw_only=True)
class InstanceGroup:
    """The instances of one type in a heterogeneous cluster."""

    name: str
    instance_type: Text
    instance_count: Number = 1

    def to_json(self) -> JsonObject:
        return {
            "InstanceType": to_json(self.instance_type),
            "InstanceCount": to_json(self.instance_count),
            "InstanceGroupName": self.name,
        }
