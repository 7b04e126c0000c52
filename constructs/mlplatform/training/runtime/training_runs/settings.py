"""What the pipeline's construct tells its functions: the environment variable TRAINING."""

import json
import os
from dataclasses import dataclass

from attempts.looks import NextLook
from mlrecords.codec import from_json
from mlscaling.jobs.ladder import Ladder


@dataclass(frozen=True)
class OnDemand:
    """The pipeline to which an execution moves that has waited too long for spot capacity, and how that is seen to."""

    pipeline_name: str
    ready_within_minutes: int
    max_runtime_seconds: int
    watch_arn: str
    next_look: NextLook


@dataclass(frozen=True)
class Settings:
    """All that is fixed when the pipeline is deployed."""

    pipeline_name: str
    state_uri: str
    ladder: Ladder
    max_attempts: int
    on_demand: OnDemand | None = None

    def has_moved(self, execution_arn: str) -> bool:
        """Whether an execution is of the pipeline on demand."""
        return self.on_demand is not None and f":pipeline/{self.on_demand.pipeline_name}/" in execution_arn

    @staticmethod
    def from_environment() -> "Settings":
        """The settings of this function. Raises InvalidDocumentError with every problem."""
        return from_json(Settings, json.loads(os.environ["TRAINING"]), "TRAINING")
