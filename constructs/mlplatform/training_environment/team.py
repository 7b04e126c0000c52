"""`StudioTeam`: the people of one project in Studio."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnResource
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlplatform.policy import Role
from mlplatform.training_environment.limits import StudioLimits
from mlplatform.training_environment.names import profile_name, shared_space_name
from mlplatform.training_environment.permissions import studio_statements
from mlplatform.training_environment.teardown import teardown
from mlplatform.training_environment.training_environment import AuthMode, TrainingEnvironment


class StudioTeam(Construct):
    """A user profile for each person of a project, and a space that they share.

    When to use: in the stack of the project, with the domain of the environment handed in. So a project's people go
    with the project, and the environment's stack never depends on a project's.

    Profiles run apps with `execution_role`, which gets the permissions for that, confined by conditions: to spaces of
    their own or of the project, and to the instance types of `limits`. The apps of a shared space run with the domain's
    own role instead, which reaches no data: a shared space is for notebooks.

    When a person or the project leaves, their apps and private spaces are stopped and deleted first. The files of a
    space are on its volume and go with it; home directories are the domain's, see `TrainingEnvironment`.

    Args:
        scope: within the project's stack; tags of the project should reach it.
        construct_id: id within `scope`.
        environment: the domain.
        project: the project's name; profiles are called `<project>-<person>`.
        people: names of users; with IAM Identity Center, the user names there.
        execution_role: what notebooks may do: the project's role for data scientists.
        limits: the environment's when not given.
        shared_space_owner: who of `people` owns the shared space; without one there is none. Another owner means
            another space, and the files of the old one go.

    Raises:
        ValueError: nobody is named, the owner is not among `people`, or limits are out of range; all problems at once.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: TrainingEnvironment,
        project: str,
        people: Sequence[str],
        execution_role: Role,
        limits: StudioLimits | None = None,
        shared_space_owner: str | None = None,
    ) -> None:
        self._limits = environment.limits if limits is None else limits
        problems = [
            *_team_problems(people, shared_space_owner),
            *self._limits.problems(),
            *_beyond(self._limits, environment.limits),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        super().__init__(scope, construct_id)
        self._environment = environment
        self._execution_role_arn = execution_role.arn
        self.user_profile_names = {person: profile_name(project, person) for person in people}
        """The user profile of each person."""
        execution_role.allow(
            *studio_statements(
                environment.scope,
                project=project,
                profiles=list(self.user_profile_names.values()),
                limits=self._limits,
            )
        )
        emptied = {person: self._create_profile(person, name) for person, name in self.user_profile_names.items()}
        if shared_space_owner is not None:
            self._create_shared_space(
                project,
                shared_space_name(project, shared_space_owner),
                owner=self.user_profile_names[shared_space_owner],
                after=emptied[shared_space_owner],
            )

    def _create_profile(self, person: str, name: str) -> CfnResource:
        """Create a profile; returns its teardown, after which nothing of it is left."""
        environment = self._environment
        single_sign_on = environment.auth_mode is AuthMode.SSO
        profile = sagemaker.CfnUserProfile(
            self,
            f"Profile-{name}",
            domain_id=environment.domain_id,
            user_profile_name=name,
            user_settings={
                "executionRole": self._execution_role_arn,
                "securityGroups": list(environment.network.security_group_ids),
                "jupyterLabAppSettings": {
                    "defaultResourceSpec": self._limits.resource_spec,
                    **environment.custom_images,
                },
                "codeEditorAppSettings": {"defaultResourceSpec": self._limits.resource_spec},
                "spaceStorageSettings": self._limits.storage_settings(),
            },
            single_sign_on_user_identifier="UserName" if single_sign_on else None,
            single_sign_on_user_value=person if single_sign_on else None,
        )
        return self._tear_down(profile, f"Profile-{name}-Teardown", UserProfileName=name, **self._idle_limits)

    def _create_shared_space(self, project: str, name: str, *, owner: str, after: CfnResource) -> None:
        space = sagemaker.CfnSpace(
            self,
            "SharedSpace",
            domain_id=self._environment.domain_id,
            space_name=name,
            space_display_name=f"{project}-shared",
            ownership_settings={"ownerUserProfileName": owner},
            space_sharing_settings={"sharingType": "Shared"},
            space_settings={
                "appType": "JupyterLab",
                "jupyterLabAppSettings": {"defaultResourceSpec": self._limits.resource_spec},
            },
        )
        # Its owner's teardown deletes every space of the owner; CloudFormation deletes this one before.
        space.add_resource_dependency(after)
        self._tear_down(space, "SharedSpace-Teardown", SpaceName=name)

    @property
    def _idle_limits(self) -> dict[str, object]:
        """What the custom resource sets on a profile, with what else the profile says of apps: a change sets it again.

        CloudFormation's schema of a user profile (of October 2026) has no AppLifecycleManagement where its
        documentation has one, so that a template with it might be refused. The API takes it.
        """
        return {
            "IdleTimeoutInMinutes": self._limits.idle_shutdown_minutes,
            "MaxIdleTimeoutInMinutes": self._limits.max_idle_shutdown_minutes,
            "InstanceType": self._limits.instance_types[0],
            "ImageVersion": self._environment.image_version,
        }

    def _tear_down(self, resource: CfnResource, construct_id: str, **properties: object) -> CfnResource:
        emptied = teardown(
            self,
            construct_id,
            function_arn=self._environment.teardown_function_arn,
            properties={"DomainId": self._environment.domain_id, **properties},
        )
        emptied.add_resource_dependency(resource)
        return emptied


def _team_problems(people: Sequence[str], shared_space_owner: str | None) -> list[str]:
    problems = [] if people else ["people is empty; name at least one, or leave the team out"]
    if shared_space_owner is not None and shared_space_owner not in people:
        problems.append(
            f"shared_space_owner {shared_space_owner!r} is not among people; use one of {', '.join(people)}"
        )
    return problems


def _beyond(limits: StudioLimits, environment: StudioLimits) -> list[str]:
    problems = [
        f"instance type {name!r} is not allowed in the environment; use one of {', '.join(environment.instance_types)}"
        for name in limits.instance_types
        if name not in environment.instance_types
    ]
    if limits.max_idle_shutdown_minutes > environment.max_idle_shutdown_minutes:
        problems.append(
            f"max_idle_shutdown_minutes {limits.max_idle_shutdown_minutes} is more than the "
            f"{environment.max_idle_shutdown_minutes} that the environment allows; use less"
        )
    return problems
