"""The home of one project, and what the project declares in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aws_cdk import Environment, Stack
from constructs import Construct

from mlplatform.config import ProjectConfig
from mlplatform.network import ProjectNetwork
from mlplatform.project import JobLimits, MlProject, OidcSubjects, ProjectAccess


class ProjectStack(Stack):
    """One `MlProject`, filled by the project's own definition."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        env: Environment,
        config: ProjectConfig,
        define: Callable[[MlProject], None],
        network: ProjectNetwork | None,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id, env=env, description=f"ML platform: the project {config.name}")
        self.project = MlProject(
            self,
            "Project",
            name=config.name,
            owner=config.owner,
            network=network,
            tags=tags,
            limits=JobLimits(instance_types=tuple(config.instance_types), max_runtime_hours=config.max_runtime_hours),
            access=_access(config),
            monthly_budget_usd=config.monthly_budget_usd,
            deny_jobs_over_budget=config.deny_jobs_over_budget,
        )
        define(self.project)


def _access(config: ProjectConfig) -> ProjectAccess:
    ci = None if config.ci is None else OidcSubjects(provider=config.ci.provider, subjects=tuple(config.ci.subjects))
    return ProjectAccess(ci=ci, deployers=tuple(config.deployers), auditors=tuple(config.auditors))
