"""What check steps need: Pipelines reads the baseline of the newest approved version, and Clarify asks a model.

Sources: developer guide, "Controlling step behaviors for drift check" and "Give Amazon SageMaker Clarify Jobs Access to
Resources in Your Amazon VPC"; Service Authorization Reference for the resource types.
"""

from __future__ import annotations

from mlpipelines import JsonObject, iter_steps
from mlplatform.policy import Statement
from mlplatform.project import MlProject

_CHECKS = ("QualityCheck", "ClarifyCheck")
_TIMES = "Clarify adds the time to the names of its temporary endpoint and of the endpoint's configuration"


def clarify_endpoint_prefix(project: MlProject) -> str:
    """The `endpoint_name_prefix` of an analysis configuration: the project's jobs may make no other endpoints."""
    return f"{project.name}-clarify"


def allow_checks(definition: JsonObject, project: MlProject) -> None:
    """Let the pipeline find baselines, and its jobs ask models, if there are steps that do."""
    checks = [step for step in iter_steps(definition) if step.get("Type") in _CHECKS]
    if any(step.get("ModelPackageGroupName") for step in checks):
        project.pipeline_role.allow(
            Statement(
                sid="FindBaselines",
                actions=["sagemaker:ListModelPackages"],
                resources=["*"],
                wildcard_reason="ListModelPackages has no resource type; it lists names and changes nothing",
            )
        )
    if any(step.get("ModelName") for step in checks):
        project.training_job_role.allow(*_ask_models(project))


def _ask_models(project: MlProject) -> tuple[Statement, ...]:
    scope = f"arn:{project.partition}:sagemaker:{project.region}:{project.account}"
    prefix = clarify_endpoint_prefix(project)
    endpoints = f"{scope}:endpoint/{prefix}-*"
    # Clarify's own name for configurations is seen in its log; whether the prefix changes it is not documented.
    configurations = [f"{scope}:endpoint-config/{prefix}-*", f"{scope}:endpoint-config/sm-clarify-config-*"]
    return (
        Statement(
            sid="ConfigureTemporaryEndpoints",
            actions=[
                "sagemaker:AddTags",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DeleteEndpointConfig",
                "sagemaker:DescribeEndpointConfig",
            ],
            resources=configurations,
            wildcard_reason=_TIMES,
        ),
        Statement(
            sid="MakeTemporaryEndpoints",
            actions=["sagemaker:AddTags", "sagemaker:CreateEndpoint"],
            resources=[endpoints, *configurations],
            wildcard_reason=_TIMES,
        ),
        Statement(
            sid="UseTemporaryEndpoints",
            actions=["sagemaker:DeleteEndpoint", "sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"],
            resources=[endpoints],
            wildcard_reason=_TIMES,
        ),
        Statement(
            sid="DescribeTheModelToAsk",
            actions=["sagemaker:DescribeModel"],
            resources=[f"{scope}:model/pipelines-*"],
            conditions={"StringEquals": {"aws:ResourceTag/project": project.name}},
            wildcard_reason="SageMaker Pipelines names models after the execution and the step at run time",
        ),
    )
