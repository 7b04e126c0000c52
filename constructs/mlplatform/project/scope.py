"""The names and ARNs between which everything that a project may do is confined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlplatform.policy import Conditions
from mlplatform.project.limits import JobLimits

if TYPE_CHECKING:
    from mlplatform.network import ProjectNetwork

PROJECT_TAG = "project"
SAGEMAKER = "sagemaker.amazonaws.com"
SCHEDULER = "scheduler.amazonaws.com"

OBJECTS = "objects get their names at run time; the bucket belongs to this project alone"
OWN_NAMES = "everything of a project begins with its name, and no project's name begins with another's and a hyphen"
NO_RESOURCE_TYPE = "these actions have no resource types (Service Authorization Reference)"


@dataclass(frozen=True, kw_only=True)
class ProjectScope:
    """What the policies of one project name."""

    name: str
    partition: str
    region: str
    account: str
    key_arn: str
    data_bucket_arn: str
    artifact_bucket_arn: str
    output_bucket_arn: str
    log_bucket_arn: str
    network: ProjectNetwork | None
    limits: JobLimits

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and Region, such as `arn("ecr", "repository/demand-forecast")`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def sagemaker_arn(self, resource: str) -> str:
        """The ARN of a SageMaker resource, such as `model-package-group/demand-forecast`."""
        return self.arn("sagemaker", resource)

    @property
    def bucket_arns(self) -> tuple[str, str, str]:
        """Data, artifacts and output; not the access logs."""
        return (self.data_bucket_arn, self.artifact_bucket_arn, self.output_bucket_arn)

    @property
    def role_path(self) -> str:
        """The path of the project's roles and policies."""
        return f"/mlp/{self.name}/"

    @property
    def role_arns(self) -> str:
        """Matches the ARN of each of the project's own roles, and of no other project's."""
        return f"arn:{self.partition}:iam::{self.account}:role{self.role_path}*"

    @property
    def table_prefix(self) -> str:
        """How the names of the project's databases and tables begin: Athena's take no hyphens, and no project's has `_`."""
        return f"{self.name.replace('-', '_')}_"

    @property
    def tagged_as_own(self) -> Conditions:
        """Holds for what carries the project's tag: jobs, whose names SageMaker makes, are told apart by it alone."""
        return {"StringEquals": {f"aws:ResourceTag/{PROJECT_TAG}": self.name}}

    @property
    def passed_to_sagemaker(self) -> Conditions:
        return {"StringEquals": {"iam:PassedToService": SAGEMAKER}}

    @property
    def budget_name(self) -> str:
        """Budgets are of an account, projects of a Region."""
        return f"{self.name}-{self.region}"

    @property
    def budget_policy_path(self) -> str:
        """The path of the policy that denies new jobs when the budget is spent."""
        return f"{self.role_path}budget/"

    @property
    def budget_policy(self) -> Conditions:
        """Holds for attaching that policy and no other."""
        pattern = f"arn:{self.partition}:iam::{self.account}:policy{self.budget_policy_path}*"
        return {"ArnLike": {"iam:PolicyARN": pattern}}
