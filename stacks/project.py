"""The home of one project, and what the project declares in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aws_cdk import Environment, Stack
from constructs import Construct

from mlplatform.config import ProjectConfig, ProjectStudioSettings
from mlplatform.experiment_store import ProjectExperiments, RecordsPlace
from mlplatform.network import ProjectNetwork
from mlplatform.project import (
    ChatChannel,
    JobLimits,
    MlProject,
    OidcSubjects,
    ProjectAccess,
    SlackChannel,
    TeamsChannel,
)
from mlplatform.training_environment import StudioTeam, TrainingEnvironment


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
        training_environment: TrainingEnvironment | None,
        records: RecordsPlace,
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
            chat=_chat(config),
        )
        ProjectExperiments(self.project, "Experiments", project=self.project, records=records)
        if training_environment is not None and config.studio is not None:
            self._bring_people(training_environment, config.name, config.studio)
        define(self.project)

    def _bring_people(self, environment: TrainingEnvironment, project: str, settings: ProjectStudioSettings) -> None:
        StudioTeam(
            self.project,
            "Studio",
            environment=environment,
            project=project,
            people=settings.people,
            execution_role=self.project.data_scientist_role,
            limits=environment.limits.narrowed(
                idle_shutdown_minutes=settings.idle_shutdown_minutes, instance_types=settings.instance_types
            ),
            shared_space_owner=settings.shared_space_owner,
        )


def _access(config: ProjectConfig) -> ProjectAccess:
    ci = None if config.ci is None else OidcSubjects(provider=config.ci.provider, subjects=tuple(config.ci.subjects))
    return ProjectAccess(ci=ci, deployers=tuple(config.deployers), auditors=tuple(config.auditors))


def _chat(config: ProjectConfig) -> list[ChatChannel]:
    if config.chat is None:
        return []
    slack, teams = config.chat.slack, config.chat.teams
    return [
        *([] if slack is None else [SlackChannel(workspace_id=slack.workspace_id, channel_id=slack.channel_id)]),
        *(
            []
            if teams is None
            else [TeamsChannel(tenant_id=teams.tenant_id, team_id=teams.team_id, channel_id=teams.channel_id)]
        ),
    ]
