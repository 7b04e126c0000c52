"""Lambda of the step PlanTraining: on which instance type this execution trains.

Event: `train_uri`, the S3 prefix of what it trains on, `execution_arn`, and `attempt`, a number. Answer: `instance_type`, `input_bytes`,
by which it was chosen, and `reason`, in words.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from attempts.objects import list_sizes

from .settings import Settings
from .state import TrainingStore, plan


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Look, choose, note, answer. Whatever is raised becomes the step's FailureReason."""
    settings = Settings.from_environment()
    s3 = boto3.client("s3")
    input_bytes = sum(list_sizes(s3, f"{event['train_uri']}/").values())
    now, attempt = datetime.now(UTC), int(event["attempt"])
    choice = TrainingStore(s3, settings.state_uri).transact(
        lambda state: plan(state, settings.ladder, event["execution_arn"], bytes=input_bytes, attempt=attempt, now=now)
    )
    return {
        "instance_type": choice.instance_type,
        "input_bytes": str(input_bytes),
        "reason": f"{choice.instance_type}: {choice.reason}",
    }
