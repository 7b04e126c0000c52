"""The experiment store of an environment, which remembers more than any project in it."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from mlplatform.experiment_store import ExperimentStore, RecordsPlace


class ExperimentStoreStack(Stack):
    """One `ExperimentStore` for all projects of the environment."""

    def __init__(self, scope: Construct, construct_id: str, *, env: Environment) -> None:
        super().__init__(scope, construct_id, env=env, description="ML platform: experiments of all projects")
        self.experiment_store = ExperimentStore(self, "ExperimentStore")
        self.records = RecordsPlace(
            bucket_name=self.export_value(self.experiment_store.records_bucket_name),
            key_arn=self.export_value(self.experiment_store.key_arn),
        )
        """Where the run records are, for the projects' stacks."""
