"""`platform.yaml` as frozen models: the organization's environments and the projects that live in them.

    platform = load_platform(Path("platform.yaml"))
    platform.environment("dev").account

A file with mistakes gives one `PlatformConfigError` that lists all of them, each with line, path, value and
fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from mlplatform import naming
from mlplatform.config.problems import is_account, model_problems, relation_problems, unknown_name
from mlplatform.config.sections import (
    AnyNetworkSettings,
    EgressSettings,
    ExistingNetworkSettings,
    ExperimentStoreSettings,
    NetworkSettings,
    ProjectStudioSettings,
    Section,
    TrainingEnvironmentSettings,
    following,
)
from mlplatform.config.studio import studio_problems
from mlplatform.config.yaml_source import KeyPath, YamlError, read_yaml
from mlplatform.project.limits import (
    DEFAULT_INSTANCE_TYPES,
    DEFAULT_MAX_RUNTIME_HOURS,
    LONGEST_RUNTIME_HOURS,
    MAX_INSTANCE_TYPES,
)

RESERVED_TAGS = frozenset({"project", "owner", "environment", "organization"})


class PlatformConfigError(ValueError):
    """What is wrong with `platform.yaml`, or with a name that was looked up in it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    problems = [problem for key in tags if (problem := naming.TAG_KEY.problem(key))]
    problems += [problem for value in tags.values() if (problem := naming.TAG_VALUE.problem(value))]
    problems += [f"{key!r} is set by the platform; remove it" for key in tags if key in RESERVED_TAGS]
    if problems:
        raise ValueError("; ".join(problems))
    return tags


_InstanceType = Annotated[str, following(naming.INSTANCE_TYPE)]
Tags = Annotated[dict[str, str], AfterValidator(_check_tags)]


class EnvironmentConfig(Section):
    """Where an environment lives: one account and region. Without `network`, jobs run in SageMaker's own."""

    account: Annotated[str, following(naming.ACCOUNT)]
    region: Annotated[str, following(naming.REGION)]
    network: AnyNetworkSettings | None = None
    training_environment: TrainingEnvironmentSettings | None = None
    experiment_store: ExperimentStoreSettings = ExperimentStoreSettings()
    tags: Tags = Field(default_factory=dict)


class CiConfig(Section):
    """Workflows of a CI system that may assume a project's deploy role: `mlplatform.OidcSubjects`."""

    provider: Annotated[str, following(naming.OIDC_PROVIDER)]
    subjects: Annotated[list[Annotated[str, following(naming.OIDC_SUBJECT)]], Field(min_length=1)]


class SlackConfig(Section):
    """A Slack channel: `mlplatform.SlackChannel`."""

    workspace_id: Annotated[str, following(naming.SLACK_WORKSPACE)]
    channel_id: Annotated[str, following(naming.SLACK_CHANNEL)]


class TeamsConfig(Section):
    """A channel of Microsoft Teams: `mlplatform.TeamsChannel`."""

    tenant_id: Annotated[str, following(naming.UUID)]
    team_id: Annotated[str, following(naming.UUID)]
    channel_id: Annotated[str, following(naming.TEAMS_CHANNEL)]


class ChatConfig(Section):
    """Where a project's notifications are shown, besides its owner's mail. The workspace or team is authorized in the console."""

    slack: SlackConfig | None = None
    teams: TeamsConfig | None = None


class ProjectConfig(Section):
    """A project: who owns it, which function declares it, in which environments it lives, and what bounds it there."""

    name: Annotated[str, following(naming.PROJECT_NAME)]
    owner: Annotated[str, following(naming.EMAIL)]
    definition: Annotated[str, following(naming.DEFINITION)]
    """`package.module:function`; the function is called with the project's `MlProject`."""
    environments: Annotated[list[str], Field(min_length=1)]
    monthly_budget_usd: Annotated[float, Field(gt=0, strict=False)] | None = None
    deny_jobs_over_budget: bool = False
    """Whether AWS Budgets denies new jobs for the rest of a month whose budget is spent."""
    instance_types: Annotated[list[_InstanceType], Field(min_length=1, max_length=MAX_INSTANCE_TYPES)] = Field(
        default_factory=lambda: [*DEFAULT_INSTANCE_TYPES]
    )
    """On which its jobs and apps may run."""
    max_runtime_hours: Annotated[int, Field(ge=1, le=LONGEST_RUNTIME_HOURS)] = DEFAULT_MAX_RUNTIME_HOURS
    """After which its jobs are stopped at the latest."""
    ci: CiConfig | None = None
    """The CI system that may assume its deploy role."""
    deployers: list[Annotated[str, following(naming.ROLE_ARN)]] = Field(default_factory=list)
    """ARNs of roles that may assume its deploy role."""
    auditors: list[Annotated[str, following(naming.ROLE_ARN)]] = Field(default_factory=list)
    """ARNs of roles that may assume its auditor role."""
    studio: ProjectStudioSettings | None = None
    chat: ChatConfig | None = None
    tags: Tags = Field(default_factory=dict)


class Platform(Section):
    """Everything in `platform.yaml`."""

    organization: Annotated[str, following(naming.PROJECT_NAME)]
    environments: Annotated[
        dict[Annotated[str, following(naming.ENVIRONMENT_NAME)], EnvironmentConfig], Field(min_length=1)
    ]
    projects: list[ProjectConfig] = Field(default_factory=list)
    tags: Tags = Field(default_factory=dict)

    def environment(self, name: str) -> EnvironmentConfig:
        """The environment of that name.

        Raises:
            PlatformConfigError: there is none; the known ones are listed.
        """
        if name not in self.environments:
            raise PlatformConfigError([unknown_name("environment", name, self.environments)])
        return self.environments[name]

    def projects_in(self, environment: str, *, only: Iterable[str] | None = None) -> tuple[ProjectConfig, ...]:
        """The projects that live in `environment`, in the file's order; `only` picks some of them by name.

        Raises:
            PlatformConfigError: the environment, or a name in `only`, is unknown there; the known ones are
            listed.
        """
        self.environment(environment)
        projects = {project.name: project for project in self.projects if environment in project.environments}
        if only is None:
            return tuple(projects.values())
        wanted = list(only)
        if problems := [
            unknown_name(f"project in {environment}", name, projects) for name in wanted if name not in projects
        ]:
            raise PlatformConfigError(problems)
        return tuple(project for name, project in projects.items() if name in wanted)


def load_platform(path: Path) -> Platform:
    """Read and check `path`.

    Raises:
        PlatformConfigError: the file cannot be read or holds mistakes; all of them are listed.
    """
    try:
        source = read_yaml(path, must_be_quoted=is_account)
    except YamlError as error:
        raise PlatformConfigError([str(error)]) from None
    problems = list(source.problems)
    platform = None
    try:
        platform = Platform.model_validate(source.data)
    except ValidationError as error:
        problems += model_problems(error, _fields_at)
    problems += relation_problems(source.data)
    problems += studio_problems(source.data)
    if platform is None or problems:
        raise PlatformConfigError(source.describe(problems))
    return platform


_ANY = "*"
_SECTIONS: Mapping[KeyPath, tuple[type[BaseModel], ...]] = {
    (): (Platform,),
    ("environments", _ANY): (EnvironmentConfig,),
    ("environments", _ANY, "experiment_store"): (ExperimentStoreSettings,),
    ("environments", _ANY, "network"): (NetworkSettings, ExistingNetworkSettings),
    ("environments", _ANY, "network", "egress"): (EgressSettings,),
    ("environments", _ANY, "training_environment"): (TrainingEnvironmentSettings,),
    ("projects", _ANY): (ProjectConfig,),
    ("projects", _ANY, "chat"): (ChatConfig,),
    ("projects", _ANY, "chat", "slack"): (SlackConfig,),
    ("projects", _ANY, "chat", "teams"): (TeamsConfig,),
    ("projects", _ANY, "ci"): (CiConfig,),
    ("projects", _ANY, "studio"): (ProjectStudioSettings,),
}


def _fields_at(path: KeyPath) -> tuple[str, ...]:
    """The keys that the file may have at `path`."""
    models = _SECTIONS.get(tuple(_ANY if index == 1 else key for index, key in enumerate(path)), ())
    return tuple(dict.fromkeys(field for model in models for field in model.model_fields))
