"""What functions that look for a model may see of the model registry."""

from __future__ import annotations

from mlplatform.policy import Statement
from mlplatform.project import MlProject


def read_registry(project: MlProject) -> tuple[Statement, ...]:
    """Find the newest approved version of the project's group, and describe it."""
    versions = f"arn:{project.partition}:sagemaker:{project.region}:{project.account}:model-package"
    return (
        Statement(
            sid="FindApprovedModels",
            actions=["sagemaker:ListModelPackages"],
            resources=["*"],
            wildcard_reason="ListModelPackages has no resource type; it lists names and changes nothing",
        ),
        Statement(
            sid="DescribeModels",
            actions=["sagemaker:DescribeModelPackage"],
            resources=[f"{versions}/{project.model_package_group_name}/*"],
            wildcard_reason="the registry numbers the versions of the group when they are registered",
        ),
    )
