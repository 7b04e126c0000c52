"""A pipeline definition as an AWS resource."""

from __future__ import annotations

from functools import cached_property

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlpipelines import Pipeline
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project import MlProject

MAX_INLINE_DEFINITION_BYTES = 1_048_576  # 1 MiB: API reference, CreatePipeline, PipelineDefinition.


class SageMakerPipeline(Construct):
    """A SageMaker pipeline, deployed with the stack: its definition is in every `cdk diff`.

    For a pipeline of your own making; `TrainingPipeline` and `BatchInference` are the two ready ones. The executions run
    under the project's pipeline role. Tokens in it stand for text that JSON need not escape, as names, ARNs and URIs do.

    Raises `mlpipelines.PipelineDefinitionError` with everything that SageMaker would refuse, and `InvalidPropsError` if
    the definition is over the 1 MiB that a pipeline may have inline.
    """

    def __init__(self, scope: Construct, construct_id: str, *, project: MlProject, pipeline: Pipeline) -> None:
        super().__init__(scope, construct_id)
        pipeline.validate()
        raise_if_any(f"pipeline '{pipeline.name}'", project.limits.problems(pipeline.definition()))
        # Not `Stack.to_json_string`: it sends Node the definition value by value, in 5 ms, and drops what is null.
        body = pipeline.render()
        size = len(body.encode())
        if size > MAX_INLINE_DEFINITION_BYTES:
            sentence = f"its definition has {size} bytes; SageMaker takes 1,048,576: split the pipeline in two"
            raise_if_any(f"pipeline '{pipeline.name}'", [sentence])
        parallelism = pipeline.max_parallel_steps
        self.resource = sagemaker.CfnPipeline(
            self,
            "Resource",
            pipeline_name=pipeline.name,
            pipeline_description=pipeline.description,
            pipeline_definition={"PipelineDefinitionBody": body},
            role_arn=project.pipeline_role_arn,
            parallelism_configuration=None if parallelism is None else {"MaxParallelExecutionSteps": parallelism},
        )
        self.definition = pipeline
        """The pipeline as it was given."""
        self._project = project

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
