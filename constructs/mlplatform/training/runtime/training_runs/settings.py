"""What the pipeline's construct tells its functions: the environment variable TRAINING."""

import json
import os
from dataclasses import dataclass

from mlrecords.codec import from_json
from mlscaling.ladder import Ladder


@dataclass(frozen=True)
class Settings:
    """All that is fixed when the pipeline is deployed."""

    pipeline_name: str
    state_uri: str
    ladder: Ladder
    max_attempts: int

    @staticmethod
    def from_environment() -> "Settings":
        """The settings of this function. Raises InvalidDocumentError with every problem."""
        return from_json(Settings, json.loads(os.environ["TRAINING"]), "TRAINING")
