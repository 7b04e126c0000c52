"""What the pipeline's construct tells its functions: the environment variable RUNS."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from attempts.failures import FailurePolicy
from attempts.looks import NextLook
from mlrecords.codec import from_json
from mlscaling.jobs.ladder import Ladder
from model_registry import ModelChoice


class Overlap(Enum):
    """What a run does that is due while another is at work. Backfill runs are beside the others and never meet them."""

    WAIT = "wait"
    SKIP = "skip"
    REPLACE = "replace"


@dataclass(frozen=True)
class Deadline:
    """The time of day, `HH:MM` in a time zone, at which a run's output has to be there."""

    time: str
    time_zone: str


@dataclass(frozen=True)
class Settings:
    """All that is fixed when the pipeline is deployed. What only other functions need is left out."""

    pipeline_name: str
    pipeline_arn: str
    state_uri: str
    root_uri: str
    work_root_uri: str
    region: str
    topic_arn: str | None = None
    model_package_group_name: str = ""
    model: ModelChoice = field(default_factory=ModelChoice)
    overlap: Overlap = Overlap.WAIT
    failure: FailurePolicy = field(default_factory=FailurePolicy)
    deadline: Deadline | None = None
    time_zone: str = "UTC"
    ladder: Ladder = field(default_factory=lambda: Ladder(rungs=()))
    max_runtime_seconds: int = 24 * 3600
    metric_namespace: str = "MLPlatform/BatchInference"
    next_look: NextLook | None = None

    @staticmethod
    def from_environment() -> "Settings":
        """The settings of this function. Raises InvalidDocumentError with every problem."""
        return Settings.from_json(json.loads(os.environ["RUNS"]))

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> "Settings":
        """Settings from what the construct wrote."""
        return from_json(Settings, document, "RUNS", ignore_unknown=True)
