"""Batch transform: a model applied to every record under an S3 prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mlpipelines.expressions import Get, JsonObject, Number, Text, Value, tag_list, text_map, without_none
from mlpipelines.steps.base import JobStep


@dataclass(frozen=True, kw_only=True)
class TransformStep(JobStep):
    """A transform job (CreateTransformJob). It writes `<output_s3_uri>/<input file>.out` for each input file.

    `input_filter` (JSONPath) picks what the model sees of a record, `join_source="Input"` puts the prediction
    beside the record, and `output_filter` picks what is written: `"$[1:]"`, `"Input"`, `"$[0,-1]"` writes the
    first column and the prediction. `batch_strategy` is `MultiRecord` (batches up to `max_payload_mb`) or
    `SingleRecord`. An option that is `None` is left to SageMaker's own default.
    """

    type: ClassVar[str] = "Transform"

    model_name: Text
    input_s3_uri: Text
    output_s3_uri: Text
    instance_type: Text
    content_type: Text | None = "text/csv"
    accept: Text | None = "text/csv"
    split_type: Text | None = "Line"
    assemble_with: Text | None = "Line"
    batch_strategy: Text | None = "MultiRecord"
    join_source: Text | None = None
    input_filter: Text | None = None
    output_filter: Text | None = None
    instance_count: Number = 1
    max_payload_mb: Number | None = 6
    max_concurrent_transforms: Number | None = None
    output_kms_key_id: Text | None = None
    volume_kms_key_id: Text | None = None
    environment: Mapping[str, Value] = field(default_factory=dict)
    tags: Mapping[str, Text] = field(default_factory=dict)

    @property
    def output_uri(self) -> Get:
        """The S3 prefix that the job wrote to, once it is done."""
        return self.get("TransformOutput.S3OutputPath")

    def request(self) -> JsonObject:
        source = without_none(S3DataType="S3Prefix", S3Uri=self.input_s3_uri)
        processing = without_none(
            InputFilter=self.input_filter, OutputFilter=self.output_filter, JoinSource=self.join_source
        )
        return without_none(
            ModelName=self.model_name,
            TransformInput=without_none(
                DataSource={"S3DataSource": source},
                ContentType=self.content_type,
                SplitType=self.split_type,
            ),
            TransformOutput=without_none(
                S3OutputPath=self.output_s3_uri,
                KmsKeyId=self.output_kms_key_id,
                AssembleWith=self.assemble_with,
                Accept=self.accept,
            ),
            TransformResources=without_none(
                InstanceCount=self.instance_count,
                InstanceType=self.instance_type,
                VolumeKmsKeyId=self.volume_kms_key_id,
            ),
            BatchStrategy=self.batch_strategy,
            MaxConcurrentTransforms=self.max_concurrent_transforms,
            MaxPayloadInMB=self.max_payload_mb,
            Environment=text_map(self.environment) or None,
            Tags=tag_list(self.tags),
            DataProcessing=processing or None,
        )
