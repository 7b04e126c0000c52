"""A pipeline as an AWS resource, whoever wrote it: with us, with the `sagemaker` SDK, or as a definition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlpipelines import JsonObject, Pipeline
from mlpipelines.imported import GivenPipeline, with_texts
from mlpipelines.imported_defaults import JobDefaults, with_job_defaults
from mlplatform.pipeline.functions import RuntimeFunction
from mlplatform.pipeline.imported_code import UploadedCode
from mlplatform.pipeline.imported_limits import allow_what_it_names, problems_outside, read_statements
from mlplatform.pipeline.imported_session import uploads_of
from mlplatform.pipeline.imported_texts import Rewriting
from mlplatform.pipeline.jobs import JobResources
from mlplatform.pipeline.naming import resource_name
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.pipeline.schedule import Schedule
from mlplatform.pipeline.start_events import StartOn
from mlplatform.pipeline.starts import PipelineStarts
from mlplatform.project import MlProject

MAX_INLINE_DEFINITION_BYTES = 1_048_576  # 1 MiB: API reference, CreatePipeline, PipelineDefinition.


@runtime_checkable
class SdkPipeline(Protocol):
    """What is wanted of a pipeline of the `sagemaker` SDK, of any version: that it renders itself."""

    def definition(self) -> str:
        """The definition as JSON text."""


class SageMakerPipeline(Construct):
    """A SageMaker pipeline in a project, deployed with the stack: its definition is in every `cdk diff`.

    When to use: for every pipeline that `TrainingPipeline` and `BatchInference`, which are made of it, are not. Executions
    run under the project's pipeline role; jobs that name no key or network get the project's, and their tags are the
    project's, so that every run is captured. `mlflow.autolog()` in them logs to the project's experiments, if it has any.
    The functions, queues and images that it names are granted.

    Parameters:
        scope: usually the project.
        construct_id: a pipeline that is not ours is called `<project>-<construct id in kebab case>`.
        project: whose roles, buckets, key, network and tags it uses.
        pipeline: an `mlpipelines.Pipeline`; or one of the `sagemaker` SDK, unchanged, built with `offline_session(project)`,
            whose local code becomes assets of the stack; or a definition as a JSON object.
        schedule: when it starts by itself; never when not given.
        start_on: events that start it, with a cool-down; none when not given.
        start_through: the function that the schedule and the events call instead of starting the pipeline, which decides
            when to start it; none when not given. `PipelineStarts` says what it is called with.
        replacements: texts of the definition and what stands for them here, such as a bucket by another account's name
            and `project.data_bucket_name`. They are replaced wherever they stand as a whole word.
        reads: S3 URIs of prefixes in other buckets that the jobs may read.
        max_parallel_steps: how many steps run at once; when not given, what an `mlpipelines.Pipeline` says itself, or 50,
            SageMaker's default.

    Tokens in a definition stand for text that JSON need not escape, as names, ARNs and URIs do.

    Raises `InvalidPropsError` with every role, bucket and model package group that the project's roles may not use, or if
    the definition is over the 1 MiB that a pipeline may have inline, and `mlpipelines.PipelineDefinitionError` with
    everything that SageMaker would refuse.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        project: MlProject,
        pipeline: Pipeline | SdkPipeline | JsonObject,
        schedule: Schedule | None = None,
        start_on: StartOn | None = None,
        start_through: RuntimeFunction | None = None,
        replacements: Mapping[str, str] | None = None,
        reads: Sequence[str] = (),
        max_parallel_steps: int | None = None,
    ) -> None:
        given = _given(pipeline, project, construct_id)
        subject = f"pipeline '{given.name}'"
        raise_if_any(subject, [f"reads has {uri!r}; use s3://<bucket>/<prefix>" for uri in reads if not _is_s3(uri)])
        super().__init__(scope, construct_id)
        self._project = project

        code = UploadedCode(project, uploads_of(pipeline))
        body, rewriting = given.definition(), Rewriting(project, code, replacements or {})
        # Ours has no placeholders: it is left as it is, which takes no time.
        definition = body if given is pipeline and not replacements else with_texts(body, rewriting)
        project.allow_jobs(*code.read_statements(), *read_statements(project, reads))
        raise_if_any(subject, dict.fromkeys([*code.problems(body), *problems_outside(definition, project)]))
        parallelism = given.max_parallel_steps if max_parallel_steps is None else max_parallel_steps
        self.definition = GivenPipeline(
            name=given.name,
            body=with_job_defaults(definition, _defaults(project)),
            description=given.description,
            max_parallel_steps=parallelism,
        )
        """The pipeline as it is deployed."""
        self.definition.validate()
        raise_if_any(subject, project.limits.problems(self.definition.definition()))
        allow_what_it_names(definition, project)
        self.resource = self._resource(subject)
        self.starts: PipelineStarts | None = None
        """What starts it by itself, with a dead-letter queue; None if neither a schedule nor events were given."""
        if schedule is not None or start_on is not None:
            self.starts = PipelineStarts(
                self,
                "Schedule",
                project=project,
                name=given.name,
                pipeline_arn=self.pipeline_arn,
                schedule=schedule,
                start_on=start_on,
                through=start_through,
            )

    def _resource(self, subject: str) -> sagemaker.CfnPipeline:
        # Not `Stack.to_json_string`: it sends Node the definition value by value, in 5 ms, and drops what is null.
        body = self.definition.render()
        size = len(body.encode())
        if size > MAX_INLINE_DEFINITION_BYTES:
            raise_if_any(
                subject, [f"its definition has {size} bytes; SageMaker takes 1,048,576: split the pipeline in two"]
            )
        parallelism = self.definition.max_parallel_steps
        return sagemaker.CfnPipeline(
            Construct(self, "Pipeline"),
            "Resource",
            pipeline_name=self.definition.name,
            pipeline_description=self.definition.description,
            pipeline_definition={"PipelineDefinitionBody": body},
            role_arn=self._project.pipeline_role_arn,
            parallelism_configuration=None if parallelism is None else {"MaxParallelExecutionSteps": parallelism},
        )

    @cached_property
    def pipeline_name(self) -> str:
        """The name, by reference to the resource."""
        name: str = self.resource.ref
        return name

    @property
    def pipeline_arn(self) -> str:
        """The ARN, by reference to the resource."""
        # AWS::SageMaker::Pipeline has no Arn attribute; the reference keeps the order of creation.
        scope = f"{self._project.partition}:sagemaker:{self._project.region}:{self._project.account}"
        return f"arn:{scope}:pipeline/{self.pipeline_name}"


def _given(pipeline: Pipeline | SdkPipeline | JsonObject, project: MlProject, construct_id: str) -> Pipeline:
    """The pipeline with a name: ours have one, and what was made elsewhere is named after the construct."""
    if isinstance(pipeline, Pipeline):
        return pipeline
    name = resource_name(project.name, construct_id)
    return GivenPipeline(
        name=name,
        body=pipeline if isinstance(pipeline, dict) else _rendered(pipeline, f"pipeline '{name}'"),
        description=f"A pipeline that {project.name} brought",
    )


def _rendered(pipeline: SdkPipeline, subject: str) -> JsonObject:
    if not isinstance(pipeline, SdkPipeline):
        kinds = "an mlpipelines.Pipeline, a sagemaker SDK pipeline, or a definition as a dict"
        raise_if_any(subject, [f"pipeline is of type {type(pipeline).__name__}; give {kinds}"])
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
        mlflow=project.mlflow,
    )


def _is_s3(uri: str) -> bool:
    return uri.startswith("s3://") and len(uri) > len("s3://")
