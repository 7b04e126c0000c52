"""A pipeline definition as an AWS resource."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlpipelines import Pipeline
from mlplatform.pipeline.problems import raise_if_any
from mlplatform.project import MlProject

MAX_INLINE_DEFINITION_BYTES = 1_048_576  # 1 MiB: API reference, CreatePipeline, PipelineDefinition.


class SageMakerPipeline(Construct):
    """A SageMaker pipeline, deployed with the stack: its definition is in every `cdk diff`.

    For a pipeline of your own making; `TrainingPipeline` and `BatchInference` are the two ready ones. The executions run
    under the project's pipeline role.

    Raises `mlpipelines.PipelineDefinitionError` with everything that SageMaker would refuse, and `InvalidPropsError` if
    the definition is over the 1 MiB that a pipeline may have inline.
    """

    def __init__(self, scope: Construct, construct_id: str, *, project: MlProject, pipeline: Pipeline) -> None:
        super().__init__(scope, construct_id)
        pipeline.validate()
        size = len(pipeline.render().encode())
        if size > MAX_INLINE_DEFINITION_BYTES:
            sentence = f"its definition has {size} bytes; SageMaker takes 1,048,576: split the pipeline in two"
            raise_if_any(f"pipeline '{pipeline.name}'", [sentence])
        body = Stack.of(self).to_json_string(pipeline.definition())
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
        self.pipeline_name: str = self.resource.ref
        """The name, by reference to the resource."""
        # AWS::SageMaker::Pipeline has no Arn attribute; the reference keeps the order of creation.
        self.pipeline_arn = (
            f"arn:{project.partition}:sagemaker:{project.region}:{project.account}:pipeline/{self.pipeline_name}"
        )
        """The ARN, by reference to the resource."""
