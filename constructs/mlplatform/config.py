"""`platform.yaml` as frozen models: the organization's environments and the projects that live in them.

    platform = load_platform(Path("platform.yaml"))
    platform.environment("dev").account

A file with mistakes gives one `PlatformConfigError` that lists all of them, each with line, path, value and
fix.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mlplatform import naming
from mlplatform.config_problems import did_you_mean, is_account, model_problems, relation_problems, unknown_name
from mlplatform.project.limits import (
    DEFAULT_INSTANCE_TYPES,
    DEFAULT_MAX_RUNTIME_HOURS,
    LONGEST_RUNTIME_HOURS,
    MAX_INSTANCE_TYPES,
)
from mlplatform.yaml_source import KeyPath, YamlError, read_yaml

RESERVED_TAGS = frozenset({"project", "owner", "environment", "organization"})
INTERFACE_ENDPOINTS = (
    "ecr.api", "ecr.dkr", "events", "kms", "lambda", "logs", "monitoring", "sagemaker.api", "sagemaker.runtime",
    "secretsmanager", "ssm", "states", "sts",
)  # fmt: skip
"""The values of `mlplatform.network.InterfaceEndpoint`, here without importing the CDK."""


class PlatformConfigError(ValueError):
    """What is wrong with `platform.yaml`, or with a name that was looked up in it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def _following(rule: naming.Rule) -> AfterValidator:
    def check(value: str) -> str:
        if problem := rule.problem(value):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    problems = [problem for key in tags if (problem := naming.TAG_KEY.problem(key))]
    problems += [problem for value in tags.values() if (problem := naming.TAG_VALUE.problem(value))]
    problems += [f"{key!r} is set by the platform; remove it" for key in tags if key in RESERVED_TAGS]
    if problems:
        raise ValueError("; ".join(problems))
    return tags


def _check_cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not an IPv4 network ({error}); use one such as '10.40.0.0/16'") from None
    if not 16 <= network.prefixlen <= 25:
        raise ValueError(f"{value!r} has prefix length {network.prefixlen}; use /16 to /25")
    if not network.is_private:
        raise ValueError(f"{value!r} is public; use a private range such as '10.40.0.0/16'")
    return value


def _check_endpoint(value: str) -> str:
    if value not in INTERFACE_ENDPOINTS:
        raise ValueError(f"{value!r} is unknown{did_you_mean(value, INTERFACE_ENDPOINTS)}")
    return value


_InstanceType = Annotated[str, _following(naming.INSTANCE_TYPE)]
Tags = Annotated[dict[str, str], AfterValidator(_check_tags)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NetworkSettings(_Model):
    """The isolated VPC of an environment. Gateway endpoints to S3 and DynamoDB are always there, and free."""

    cidr: Annotated[str, AfterValidator(_check_cidr)]
    availability_zones: Annotated[int, Field(ge=1, le=8)] = 2
    interface_endpoints: list[Annotated[str, AfterValidator(_check_endpoint)]] = []
    """Further services that jobs may reach; each one costs per hour and availability zone."""
    gateway_prefix_list_ids: list[str] = []
    """Managed prefix lists of S3 and DynamoDB in the region, to which HTTPS out of jobs is then confined."""


class EnvironmentConfig(_Model):
    """Where an environment lives: one account and region. Without `network`, jobs run in SageMaker's own."""

    account: Annotated[str, _following(naming.ACCOUNT)]
    region: Annotated[str, _following(naming.REGION)]
    network: NetworkSettings | None = None
    tags: Tags = {}


class CiConfig(_Model):
    """Workflows of a CI system that may assume a project's deploy role: `mlplatform.OidcSubjects`."""

    provider: Annotated[str, _following(naming.OIDC_PROVIDER)]
    subjects: Annotated[list[Annotated[str, _following(naming.OIDC_SUBJECT)]], Field(min_length=1)]


class ProjectConfig(_Model):
    """A project: who owns it, which function declares it, in which environments it lives, and what bounds it there."""

    name: Annotated[str, _following(naming.PROJECT_NAME)]
    owner: Annotated[str, _following(naming.EMAIL)]
    definition: Annotated[str, _following(naming.DEFINITION)]
    """`package.module:function`; the function is called with the project's `MlProject`."""
    environments: Annotated[list[str], Field(min_length=1)]
    monthly_budget_usd: Annotated[float, Field(gt=0, strict=False)] | None = None
    deny_jobs_over_budget: bool = False
    """Whether AWS Budgets denies new jobs for the rest of a month whose budget is spent."""
    instance_types: Annotated[list[_InstanceType], Field(min_length=1, max_length=MAX_INSTANCE_TYPES)] = [
        *DEFAULT_INSTANCE_TYPES
    ]
    """On which its jobs and apps may run."""
    max_runtime_hours: Annotated[int, Field(ge=1, le=LONGEST_RUNTIME_HOURS)] = DEFAULT_MAX_RUNTIME_HOURS
    """After which its jobs are stopped at the latest."""
    ci: CiConfig | None = None
    """The CI system that may assume its deploy role."""
    deployers: list[Annotated[str, _following(naming.ROLE_ARN)]] = []
    """ARNs of roles that may assume its deploy role."""
    auditors: list[Annotated[str, _following(naming.ROLE_ARN)]] = []
    """ARNs of roles that may assume its auditor role."""
    tags: Tags = {}


class Platform(_Model):
    """Everything in `platform.yaml`."""

    organization: Annotated[str, _following(naming.PROJECT_NAME)]
    environments: Annotated[
        dict[Annotated[str, _following(naming.ENVIRONMENT_NAME)], EnvironmentConfig], Field(min_length=1)
    ]
    projects: list[ProjectConfig] = []
    tags: Tags = {}

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
    if platform is None or problems:
        raise PlatformConfigError(source.describe(problems))
    return platform


def _fields_at(path: KeyPath) -> tuple[str, ...]:
    """The keys that the file may have at `path`."""
    match path:
        case ():
            model: type[BaseModel] = Platform
        case ("environments", _):
            model = EnvironmentConfig
        case ("environments", _, "network"):
            model = NetworkSettings
        case ("projects", _):
            model = ProjectConfig
        case ("projects", _, "ci"):
            model = CiConfig
        case _:
            return ()
    return tuple(model.model_fields)
