"""A pipeline that a team already has, written with the `sagemaker` SDK or as a definition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from constructs import Construct

from mlpipelines import JsonObject
from mlpipelines.imported import GivenPipeline, Place, with_texts
from mlpipelines.imported_defaults import JobDefaults, with_job_defaults
from mlplatform.batch_inference.trigger import ScheduledStart
from mlplatform.pipeline import imported_session as offline
from mlplatform.pipeline.imported_code import UploadedCode
from mlplatform.pipeline.imported_limits import allow_what_it_names, problems_outside, reading
from mlplatform.pipeline.jobs import JobResources
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.pipeline.sagemaker_pipeline import SageMakerPipeline
from mlplatform.pipeline.schedule import Schedule
from mlplatform.project import MlProject


@runtime_checkable
class SdkPipeline(Protocol):
    """What is wanted of a pipeline of the `sagemaker` SDK, of any version: that it renders itself."""

    def definition(self) -> str:
        """The definition as JSON text."""


class ImportedPipeline(Construct):
    """A SageMaker pipeline as a team already has it, with the project's roles, buckets, key, network, tags and schedule.

    For pipelines written with the `sagemaker` SDK: build them with `offline_session(project)`, unchanged. A definition as
    JSON does as well. The local code that the SDK would have uploaded becomes assets of the stack, under its own names.
    Jobs that name no key or network get the project's; their tags are the project's, so that every run is captured.

    Parameters:
        project: where it lives; also the construct's scope.
        construct_id: the pipeline is called `<project>-<construct id in kebab case>`, whatever name the SDK has for it.
        pipeline: the SDK's pipeline, or a definition as a JSON object.
        schedule: when it starts by itself; never when not given.
        replacements: texts of the definition and what stands for them here, such as a bucket by another account's name
            and `project.data_bucket_name`. They are replaced wherever they stand as a whole word.
        reads: S3 URIs of prefixes in other buckets that the jobs may read.
        max_parallel_steps: how many steps run at once; 50, SageMaker's default, when not given.

    Raises `InvalidPropsError` with every role, bucket and model package group that is not the project's, and
    `mlpipelines.PipelineDefinitionError` with everything that SageMaker would refuse.
    """

    def __init__(
        self,
        project: MlProject,
        construct_id: str,
        *,
        pipeline: SdkPipeline | JsonObject,
        schedule: Schedule | None = None,
        replacements: Mapping[str, str] | None = None,
        reads: Sequence[str] = (),
        max_parallel_steps: int | None = None,
    ) -> None:
        subject = f"ImportedPipeline '{construct_id}'"
        raise_if_any(subject, [f"reads has {uri!r}; use s3://<bucket>/<prefix>" for uri in reads if not _is_s3(uri)])
        given = _definition_of(pipeline, subject)
        super().__init__(project, construct_id)

        code = UploadedCode(project, offline.uploads_of(pipeline))
        definition = with_texts(given, _Rewriting(project, code, {} if replacements is None else replacements))
        own = {project.data_bucket_name, project.artifact_bucket_name, project.output_bucket_name, code.bucket_name}
        known = {bucket for bucket in own if bucket is not None} | {_bucket(uri) for uri in reads}
        raise_if_any(subject, dict.fromkeys([*code.problems(given), *problems_outside(definition, project, known)]))
        definition = with_job_defaults(definition, _defaults(project))

        name = resource_name(project.name, construct_id)
        self.pipeline = SageMakerPipeline(
            self,
            "Pipeline",
            project=project,
            pipeline=GivenPipeline(
                name=name,
                body=definition,
                max_parallel_steps=max_parallel_steps,
                description=f"A pipeline that {project.name} brought",
            ),
        )
        code.let_jobs_read()
        allow_what_it_names(definition, project)
        if reads:
            project.allow_jobs(*reading(project, reads))
        self.pipeline_name: str = self.pipeline.pipeline_name
        self.pipeline_arn: str = self.pipeline.pipeline_arn
        self.schedule: ScheduledStart | None = None
        """The schedule with its dead-letter queue, if one was asked for."""
        if schedule is not None:
            self.schedule = ScheduledStart(self, "Schedule", project=project, pipeline=self.pipeline, schedule=schedule)


class _Rewriting:
    """What each text of a definition becomes in a project."""

    def __init__(self, project: MlProject, code: UploadedCode, replacements: Mapping[str, str]) -> None:
        self._code = code
        placeholders = {
            offline.JOB_ROLE_ARN: project.training_job_role_arn,
            offline.INFERENCE_JOB_ROLE_ARN: project.inference_job_role_arn,
            offline.ARTIFACT_BUCKET: project.artifact_bucket_name,
            offline.DATA_BUCKET: project.data_bucket_name,
            offline.OUTPUT_BUCKET: project.output_bucket_name,
        }
        # The longest first, so that a name that begins with another is found whole.
        self._texts = sorted({**placeholders, **replacements}.items(), key=lambda item: -len(item[0]))

    def __call__(self, place: Place) -> str:
        asset = self._code.asset_uri(place)
        return self._replaced(place.text) if asset is None else asset

    def _replaced(self, text: str) -> str:
        for old, new in self._texts:
            text = new if text == old else _whole_words(text, old, new)
        return text


def _whole_words(text: str, old: str, new: str) -> str:
    """`text` with `new` for `old`, except where `old` is part of a longer name."""
    before, found, after = text.partition(old)
    if not found:
        return text
    rest = _whole_words(after, old, new)
    is_part = (before[-1:].isalnum() or before[-1:] in ("-", ".", "_")) if before else False
    is_part = is_part or after[:1].isalnum() or after[:1] in ("-", "_")
    return before + (old if is_part else new) + rest


def _definition_of(pipeline: SdkPipeline | JsonObject, subject: str) -> JsonObject:
    if isinstance(pipeline, dict):
        return pipeline
    if not isinstance(pipeline, SdkPipeline):
        kind = type(pipeline).__name__
        raise_if_any(subject, [f"pipeline is of type {kind}; give a sagemaker SDK pipeline, or a definition as a dict"])
    definition = json.loads(pipeline.definition())
    if not isinstance(definition, dict):
        raise_if_any(subject, ["the pipeline renders to no JSON object; give a sagemaker SDK pipeline"])
    return dict(definition)


def _defaults(project: MlProject) -> JobDefaults:
    return JobDefaults(
        kms_key_id=project.key_arn,
        volume_kms_key_id=lambda kind: JobResources(instance_type=kind).volume_kms_key_id(project.key_arn),
        network=project.network,
        tags=project.tags,
        max_runtime_seconds=project.limits.max_runtime_seconds,
    )


def _bucket(uri: str) -> str:
    return uri.removeprefix("s3://").split("/", 1)[0]


def _is_s3(uri: str) -> bool:
    return uri.startswith("s3://") and len(uri) > len("s3://")
