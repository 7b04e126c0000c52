"""What can be wrong between `training_environment`, networks and the people of projects, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlplatform.config.problems import mapping, sequence
from mlplatform.config.sections import expand_endpoints
from mlplatform.config.yaml_source import Problem, dotted_path
from mlplatform.network.endpoints import STUDIO_REQUIRED
from mlplatform.training_environment.limits import StudioLimits
from mlplatform.training_environment.names import profile_name

_DEFAULTS = StudioLimits()


def studio_problems(data: object) -> Iterator[Problem]:
    """Every such problem in a file as it was read. Entries of the wrong shape are passed over."""
    environments = {str(name): mapping(entry) for name, entry in mapping(mapping(data).get("environments")).items()}
    for name, environment in environments.items():
        if "training_environment" in environment:
            yield from _unreachable_studio(name, environment)
    people: dict[tuple[str, str], str] = {}
    for index, entry in enumerate(sequence(mapping(data).get("projects"))):
        project = mapping(entry)
        if "studio" in project:
            yield from _studio_of_a_project(index, project, environments, people)


def _unreachable_studio(name: str, environment: Mapping[object, object]) -> Iterator[Problem]:
    """VPC-only apps do not start unless they reach SageMaker's API and runtime."""
    path = ("environments", name, "training_environment")
    network = mapping(environment.get("network"))
    if not network:
        yield Problem(path=path, message="needs a network for its apps; add network beside it")
        return
    endpoints = expand_endpoints(network.get("interface_endpoints", []))
    missing = [endpoint for endpoint in STUDIO_REQUIRED if endpoint not in sequence(endpoints)]
    if missing and not network.keys() & {"egress", "vpc_id", "subnet_ids"}:
        yield Problem(
            path=path,
            message=f"no app would start: the network lacks {' and '.join(missing)}; "
            "write interface_endpoints: studio, or give it egress",
        )


def _studio_of_a_project(
    index: int,
    project: Mapping[object, object],
    environments: Mapping[str, Mapping[object, object]],
    people: dict[tuple[str, str], str],
) -> Iterator[Problem]:
    path = ("projects", index, "studio")
    studio, name = mapping(project["studio"]), str(project.get("name"))
    own = [str(item) for item in sequence(project.get("environments"))]
    training = {
        item: mapping(environments[item]["training_environment"])
        for item in own
        if "training_environment" in environments.get(item, {})
    }
    if not training:
        yield Problem(
            path=path,
            message=f"none of the environments {', '.join(own)} has a training_environment; add one, or remove studio",
        )
    members = [str(person) for person in sequence(studio.get("people"))]
    yield from _same_profiles(path, name, members)
    for environment, settings in training.items():
        yield from _beyond_limits(path, studio, environment, settings)
        if settings.get("auth_mode") == "SSO":
            yield from _people_of_two_projects(path, index, members, environment, people)


def _same_profiles(path: tuple[str | int, ...], project: str, members: list[str]) -> Iterator[Problem]:
    known: dict[str, str] = {}
    for position, person in enumerate(members):
        first = known.setdefault(profile_name(project, person), person)
        if members.index(first) != position:
            yield Problem(
                path=(*path, "people", position),
                message=f"{person!r} and {first!r} would share the profile {profile_name(project, person)!r}; "
                "name each person once",
            )


def _beyond_limits(
    path: tuple[str | int, ...],
    studio: Mapping[object, object],
    environment: str,
    settings: Mapping[object, object],
) -> Iterator[Problem]:
    allowed = sequence(settings.get("instance_types", list(_DEFAULTS.instance_types)))
    wanted = sequence(studio.get("instance_types"))
    if beyond := [str(item) for item in wanted if item not in allowed]:
        yield Problem(
            path=(*path, "instance_types"),
            message=f"{', '.join(beyond)} {'is' if len(beyond) == 1 else 'are'} not allowed in {environment}; "
            f"use {', '.join(map(str, allowed))}, or extend the environment's list",
        )
    longest = settings.get("max_idle_shutdown_minutes", _DEFAULTS.max_idle_shutdown_minutes)
    idle = studio.get("idle_shutdown_minutes")
    if isinstance(idle, int) and isinstance(longest, int) and idle > longest:
        yield Problem(
            path=(*path, "idle_shutdown_minutes"),
            message=f"{idle} is more than the {longest} minutes that {environment} allows; use less",
        )


def _people_of_two_projects(
    path: tuple[str | int, ...],
    index: int,
    members: list[str],
    environment: str,
    people: dict[tuple[str, str], str],
) -> Iterator[Problem]:
    """IAM Identity Center assigns a user to one profile of a domain."""
    here = dotted_path(("projects", index))
    for position, person in enumerate(members):
        first = people.setdefault((environment, person), here)
        if first != here:
            yield Problem(
                path=(*path, "people", position),
                message=f"{person!r} is in {first}, too, and with auth_mode SSO a person has one profile in "
                f"{environment}; use auth_mode IAM, or another user",
            )
