"""The training environment, which the people of all projects share."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from mlplatform.config import TrainingEnvironmentSettings
from mlplatform.network import StudioNetwork
from mlplatform.training_environment import AuthMode, HomeFileSystem, TrainingEnvironment


class TrainingEnvironmentStack(Stack):
    """`TrainingEnvironment` as platform.yaml describes it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        env: Environment,
        settings: TrainingEnvironmentSettings,
        network: StudioNetwork,
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="ML platform: Studio for the people of all projects")
        self.training_environment = TrainingEnvironment(
            self,
            "TrainingEnvironment",
            network=network,
            home_file_system=HomeFileSystem(settings.home_file_system),
            auth_mode=AuthMode(settings.auth_mode),
            limits=settings.limits,
            image=settings.image,
            image_version=settings.image_version,
        )
