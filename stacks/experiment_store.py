"""The experiment store of an environment, which remembers more than any project in it."""

from __future__ import annotations

from aws_cdk import Environment, Stack
from constructs import Construct

from mlplatform.config import ExperimentStoreSettings
from mlplatform.experiment_store import ExperimentStore, RecordsPlace


class ExperimentStoreStack(Stack):
    """One `ExperimentStore` for all projects of the environment."""

    def __init__(
        self, scope: Construct, construct_id: str, *, env: Environment, settings: ExperimentStoreSettings
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="ML platform: experiments of all projects")
        self.experiment_store = ExperimentStore(
            self, "ExperimentStore", retention=settings.retention, alarm_topic_arn=settings.alarm_topic_arn
        )
        self.records = RecordsPlace(
            bucket_name=self.export_value(self.experiment_store.records_bucket_name),
            key_arn=self.export_value(self.experiment_store.key_arn),
        )
        """Where the run records are, for the projects' stacks."""
