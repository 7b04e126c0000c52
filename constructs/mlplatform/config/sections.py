"""The sections of `platform.yaml` that describe networks, training environments and experiment stores."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from mlplatform import naming
from mlplatform.config.problems import did_you_mean
from mlplatform.experiment_store import RecordRetention
from mlplatform.network.endpoints import ENDPOINT_SETS, InterfaceEndpoint
from mlplatform.training_environment.limits import MAX_IDLE_MINUTES, MIN_IDLE_MINUTES, StudioLimits, instance_types

_DEFAULTS = StudioLimits()
_KEPT = RecordRetention()


class Section(BaseModel):
    """A mapping of the file: no unknown keys, no conversions, not changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def following(rule: naming.Rule) -> AfterValidator:
    """A validator that refuses what does not follow `rule`, in its words."""

    def check(value: str) -> str:
        if problem := rule.problem(value):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


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


def expand_endpoints(value: object) -> object:
    """Names of endpoints and of sets of them, alone or in a list, as a list of names without repetition."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return value
    expanded = [
        name for item in value for name in (ENDPOINT_SETS.get(item, [item]) if isinstance(item, str) else [item])
    ]
    return list(dict.fromkeys(str(name) if isinstance(name, InterfaceEndpoint) else name for name in expanded))


def _check_endpoint(value: str) -> str:
    known = [*ENDPOINT_SETS, *(endpoint.value for endpoint in InterfaceEndpoint)]
    if value not in known:
        raise ValueError(f"{value!r} is unknown{did_you_mean(value, known)}")
    return value


def _check_instance_type(value: str) -> str:
    if value not in instance_types():
        raise ValueError(
            f"{value!r} is no instance type that Studio apps run on{did_you_mean(value, instance_types())}"
        )
    return value


Cidr = Annotated[str, AfterValidator(_check_cidr)]
InstanceTypes = Annotated[list[Annotated[str, AfterValidator(_check_instance_type)]], Field(min_length=1)]
Days = Annotated[int, Field(ge=1)]
IdleMinutes = Annotated[int, Field(ge=MIN_IDLE_MINUTES, le=MAX_IDLE_MINUTES)]


class EgressSettings(Section):
    """The way out for Studio: one NAT gateway, and names that resolve. Costs by the hour; docs/adr/0010 says how much."""

    allowed_domains: Annotated[list[Annotated[str, following(naming.DOMAIN_NAME)]], Field(min_length=1)]


class NetworkSettings(Section):
    """The isolated VPC of an environment. Gateway endpoints to S3 and DynamoDB are always there, and free."""

    cidr: Cidr
    availability_zones: Annotated[int, Field(ge=1, le=8)] = 2
    interface_endpoints: Annotated[
        list[Annotated[str, AfterValidator(_check_endpoint)]], BeforeValidator(expand_endpoints)
    ] = []
    """Further services that can be reached, or the name of a set of them; each costs per hour and availability zone."""
    gateway_prefix_list_ids: list[str] = []
    """Managed prefix lists of S3 and DynamoDB in the region, to which HTTPS out of jobs is then confined."""
    egress: EgressSettings | None = None


class ExistingNetworkSettings(Section):
    """A VPC that somebody else runs; ids as they are, looked up nowhere."""

    vpc_id: Annotated[str, following(naming.VPC_ID)]
    subnet_ids: Annotated[list[Annotated[str, following(naming.SUBNET_ID)]], Field(min_length=1, max_length=16)]
    cidr: Cidr
    gateway_prefix_list_ids: list[str] = []


def _which_network(value: object) -> str:
    existing = isinstance(value, ExistingNetworkSettings) or (
        isinstance(value, Mapping) and not value.keys().isdisjoint({"vpc_id", "subnet_ids"})
    )
    return "[existing]" if existing else "[own]"


AnyNetworkSettings = Annotated[
    Annotated[NetworkSettings, Tag("[own]")] | Annotated[ExistingNetworkSettings, Tag("[existing]")],
    Discriminator(_which_network),
]


class TrainingEnvironmentSettings(Section):
    """SageMaker Studio for the people of all projects of an environment. A domain without apps costs nothing."""

    home_file_system: Literal["keep", "remove", "none"]
    """What becomes of the EFS file system of home directories when the domain is deleted, or `none` to do without one."""
    auth_mode: Literal["IAM", "SSO"] = "IAM"
    """`SSO` is IAM Identity Center. A domain keeps its mode for life."""
    idle_shutdown_minutes: IdleMinutes = _DEFAULTS.idle_shutdown_minutes
    max_idle_shutdown_minutes: IdleMinutes = _DEFAULTS.max_idle_shutdown_minutes
    """How long people may make it for their own spaces."""
    instance_types: InstanceTypes = list(_DEFAULTS.instance_types)
    """What apps may run on; the first is the default."""
    max_space_gb: Annotated[int, Field(ge=5, le=16384)] = _DEFAULTS.max_space_gb
    image: bool = False
    """Whether there is an image of the platform's own: a repository, and a build to start when its sources change."""
    image_version: Annotated[int, Field(ge=1)] | None = None
    """The version of that image which Studio offers; leave it out until the first build is done."""

    @model_validator(mode="after")
    def _check(self) -> TrainingEnvironmentSettings:
        problems = self.limits.problems()
        if self.image_version is not None and not self.image:
            problems.append(f"image_version {self.image_version} is of no image; set image to true")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def limits(self) -> StudioLimits:
        return StudioLimits(
            idle_shutdown_minutes=self.idle_shutdown_minutes,
            max_idle_shutdown_minutes=self.max_idle_shutdown_minutes,
            instance_types=tuple(self.instance_types),
            max_space_gb=self.max_space_gb,
        )


class ExperimentStoreSettings(Section):
    """How long the records of runs are kept, as `mlplatform.RecordRetention` says it, and who is told when one could not be made."""

    keep_days: Days | None = _KEPT.keep_days
    keep_old_versions_days: Days = _KEPT.keep_old_versions_days
    backup_days: Days | None = _KEPT.backup_days
    forget_after_days: Days = _KEPT.forget_after_days
    alarm_topic_arn: Annotated[str, following(naming.TOPIC_ARN)] | None = None
    """An SNS topic of the account, with people subscribed to it."""

    @property
    def retention(self) -> RecordRetention:
        return RecordRetention(
            keep_days=self.keep_days,
            keep_old_versions_days=self.keep_old_versions_days,
            backup_days=self.backup_days,
            forget_after_days=self.forget_after_days,
        )


class ProjectStudioSettings(Section):
    """Who of a project works in Studio, and within which limits; those of the environment where nothing is said."""

    people: Annotated[list[Annotated[str, following(naming.PERSON)]], Field(min_length=1)]
    """Names of users, as IAM Identity Center has them in mode SSO; each one gets a user profile."""
    shared_space_owner: str | None = None
    """Who of them owns the space that all of them share; without one there is none."""
    idle_shutdown_minutes: IdleMinutes | None = None
    instance_types: InstanceTypes | None = None

    @model_validator(mode="after")
    def _check(self) -> ProjectStudioSettings:
        if self.shared_space_owner is not None and self.shared_space_owner not in self.people:
            raise ValueError(
                f"shared_space_owner {self.shared_space_owner!r} is not among people; "
                f"use one of {', '.join(self.people)}, or leave it out"
            )
        return self
