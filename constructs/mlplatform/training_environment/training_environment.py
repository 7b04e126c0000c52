"""`TrainingEnvironment`: SageMaker Studio for the people of all projects of an environment."""

from __future__ import annotations

from enum import StrEnum

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlplatform.keys import key_policy
from mlplatform.network import StudioNetwork
from mlplatform.policy import ServiceRole
from mlplatform.training_environment.images import StudioImage
from mlplatform.training_environment.limits import StudioLimits
from mlplatform.training_environment.permissions import StudioScope, teardown_statements, volume_statements
from mlplatform.training_environment.teardown import teardown, teardown_function


class AuthMode(StrEnum):
    """How people sign in to Studio. A domain keeps its mode for life."""

    IAM = "IAM"
    SSO = "SSO"


class HomeFileSystem(StrEnum):
    """What becomes of the EFS file system that holds home directories, when the domain is deleted.

    Kept or removed, its mount targets go, so that the network can be deleted. With NONE a domain has no such file
    system: files are on the volumes of spaces only.
    """

    KEEP = "keep"
    REMOVE = "remove"
    NONE = "none"


class TrainingEnvironment(Construct):
    """A Studio domain in the platform's network only, under a key of its own, whose idle apps shut down by themselves.

    When to use: once per environment; each project brings its people with a `StudioTeam`. A domain costs nothing: apps
    cost while they run, volumes of spaces and home directories by the gigabyte. Without interface endpoints of SageMaker's
    API and runtime, or egress, no app starts.

    Teardown works: before the domain is deleted, a custom resource stops and deletes every app, space and user profile,
    also those made by hand, deletes the domain with the choice of `home_file_system`, and then the mount targets and
    security groups that SageMaker leaves in the network. The key stays.

    Whoever has no profile of a project gets the domain's own role, which may use the volume of a space and nothing else.

    Args:
        scope: a stack.
        construct_id: id within `scope`.
        network: where apps run.
        home_file_system: kept, removed, or not there at all.
        name: of the domain, of its image and repository, and the beginning of the names of its functions and builds.
        auth_mode: IAM, or IAM Identity Center.
        limits: when apps shut down and on what they run; a team can narrow them.
        image: whether to have an image of the platform's own, see `StudioImage`.
        image_version: the version of it that Studio offers; None until the first build has made one.
        log_retention_days: how long logs of teardown and builds are kept.

    Raises:
        ValueError: `limits` are out of range, or there is an `image_version` of no image; all problems in one message.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        network: StudioNetwork,
        home_file_system: HomeFileSystem,
        name: str = "mlp-studio",
        auth_mode: AuthMode = AuthMode.IAM,
        limits: StudioLimits | None = None,
        image: bool = False,
        image_version: int | None = None,
        log_retention_days: int = 90,
    ) -> None:
        self.limits = StudioLimits() if limits is None else limits
        problems = self.limits.problems()
        if image_version is not None and not image:
            problems.append(f"image_version {image_version} is of no image; give image=True, or leave it out")
        if problems:
            raise ValueError("; ".join(problems))
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        self.network = network
        self.auth_mode = auth_mode
        self.image_version = image_version
        self._account: str = stack.account
        self._region: str = stack.region
        self._partition: str = stack.partition
        self.key_arn = self._create_key()
        self.image = (
            StudioImage(self, "Image", name=name, key_arn=self.key_arn, log_retention_days=log_retention_days)
            if image
            else None
        )
        self.custom_images = {} if self.image is None else self.image.custom_images(image_version)
        """What JupyterLab's settings say of images beside AWS's own."""
        domain = self._create_domain(name, home_file_system)
        self.domain_id: str = domain.attr_domain_id
        self.scope = StudioScope(
            partition=self._partition,
            region=self._region,
            account=self._account,
            domain_id=self.domain_id,
            key_arn=self.key_arn,
        )
        self.teardown_function_arn = self._create_teardown(name, domain, home_file_system, log_retention_days)
        """What a team's teardown calls."""

    def _create_key(self) -> str:
        key = kms.CfnKey(
            self,
            "Key",
            description="Home directories, volumes of spaces and images of Studio",
            enable_key_rotation=True,
            key_policy=key_policy(partition=self._partition, region=self._region, account=self._account),
        )
        key.apply_removal_policy(RemovalPolicy.RETAIN)
        arn: str = key.attr_arn
        return arn

    def _create_domain(self, name: str, home_file_system: HomeFileSystem) -> sagemaker.CfnDomain:
        nobody = ServiceRole(
            self,
            "NobodyRole",
            service="sagemaker.amazonaws.com",
            account=self._account,
            description="Studio without a project: the volume of a space, and nothing else",
            statements=volume_statements(self.key_arn),
        )
        security_groups = list(self.network.security_group_ids)
        apps = {
            "appLifecycleManagement": {"idleSettings": self.limits.idle_settings},
            "defaultResourceSpec": self.limits.resource_spec,
        }
        jupyter_lab = {**apps, **self.custom_images}
        return sagemaker.CfnDomain(
            self,
            "Domain",
            domain_name=name,
            auth_mode=self.auth_mode.value,
            app_network_access_type="VpcOnly",
            vpc_id=self.network.vpc_id,
            subnet_ids=list(self.network.subnet_ids),
            kms_key_id=self.key_arn,
            tag_propagation="ENABLED",
            home_efs_file_system_creation="Disabled" if home_file_system is HomeFileSystem.NONE else "Enabled",
            default_user_settings={
                "executionRole": nobody.arn,
                "securityGroups": security_groups,
                "studioWebPortal": "ENABLED",
                "defaultLandingUri": "studio::",
                "jupyterLabAppSettings": jupyter_lab,
                "codeEditorAppSettings": apps,
                "spaceStorageSettings": self.limits.storage_settings(),
                "sharingSettings": {"notebookOutputOption": "Disabled"},
            },
            default_space_settings={
                "executionRole": nobody.arn,
                "securityGroups": security_groups,
                "jupyterLabAppSettings": jupyter_lab,
                "spaceStorageSettings": self.limits.storage_settings(),
            },
            domain_settings={
                "dockerSettings": {"enableDockerAccess": "DISABLED"},
                # Whoever reads the trail sees the person, not only the role that they share.
                "executionRoleIdentityConfig": "USER_PROFILE_NAME",
            },
        )

    def _create_teardown(
        self, name: str, domain: sagemaker.CfnDomain, home_file_system: HomeFileSystem, log_retention_days: int
    ) -> str:
        function_name = f"{name}-teardown"
        function = teardown_function(
            self,
            "TeardownFunction",
            name=function_name,
            key_arn=self.key_arn,
            log_retention_days=log_retention_days,
            statements=teardown_statements(
                self.scope,
                vpc_id=self.network.vpc_id,
                # By name: it may call itself, and its role cannot wait for it.
                function_arn=f"arn:{self._partition}:lambda:{self._region}:{self._account}:function:{function_name}",
            ),
        )
        file_system_id: str = domain.attr_home_efs_file_system_id
        teardown(
            self,
            "Teardown",
            function_arn=function.function_arn,
            properties={
                "DomainId": self.domain_id,
                "VpcId": self.network.vpc_id,
                "HomeFileSystem": home_file_system.value,
                **({} if home_file_system is HomeFileSystem.NONE else {"HomeFileSystemId": file_system_id}),
            },
        )
        return function.function_arn
