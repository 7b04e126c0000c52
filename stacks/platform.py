"""Which stacks an environment has, and what they hand to each other."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import App, Environment, Tags

from mlplatform.config import Platform
from stacks.definitions import load_definitions
from stacks.experiment_store import ExperimentStoreStack
from stacks.network import NetworkStack
from stacks.project import ProjectStack
from stacks.training_environment import TrainingEnvironmentStack


def build_stacks(
    app: App, *, platform: Platform, environment_name: str, only_projects: Sequence[str] | None = None
) -> None:
    """Build the stacks `mlp-<environment>-network`, `-training-environment`, `-experiment-store`, and one
    `-project-<name>` per project.

    Raises:
        PlatformConfigError: the environment, a project or a project's definition is unknown; all are listed.
    """
    environment = platform.environment(environment_name)
    projects = platform.projects_in(environment_name, only=only_projects)
    definitions = load_definitions(projects)
    prefix = f"mlp-{environment_name}"
    env = Environment(account=environment.account, region=environment.region)
    shared_tags = {**platform.tags, **environment.tags}

    network = training_environment = None
    if environment.network is not None:
        network = NetworkStack(app, f"{prefix}-network", env=env, settings=environment.network).network
        if environment.training_environment is not None:
            training_environment = TrainingEnvironmentStack(
                app,
                f"{prefix}-training-environment",
                env=env,
                settings=environment.training_environment,
                network=network.studio,
            ).training_environment
    store = ExperimentStoreStack(app, f"{prefix}-experiment-store", env=env, settings=environment.experiment_store)
    for project in projects:
        stack = ProjectStack(
            app,
            f"{prefix}-project-{project.name}",
            env=env,
            config=project,
            define=definitions[project.name],
            network=None if network is None else network.jobs,
            training_environment=training_environment,
            records=store.records,
            tags={**shared_tags, **project.tags},
        )
        stack.add_dependency(store)  # Imported by name, which alone would let the store be destroyed first.
    tags = {**shared_tags, "organization": platform.organization, "environment": environment_name}
    tagger = Tags.of(app)
    for key, value in tags.items():
        tagger.add(key, value)
