"""Lambda of the step PlanTraining: on which instance type this execution trains, and until when it may wait for spot capacity.

Event: `train_uri`, the S3 prefix of what it trains on, `execution_arn`, and `attempt`, a number; where it may move to on demand, also
`started_at` and `ready_by`, a moment, or UNSET. Answer: `instance_type`, `input_bytes`, by which it was chosen, and `reason`, in words.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from attempts.executions import moment
from attempts.objects import list_sizes
from mlscaling.jobs.ladder import Choice

from .looking_again import look_again
from .settings import Settings
from .state import Spot, State, TrainingStore
from .transitions import plan, until

UNSET = "unset"


class NoMomentError(Exception):
    """ReadyBy says nothing that is a moment."""


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Look, choose, note, answer. Whatever is raised becomes the step's FailureReason."""
    settings = Settings.from_environment()
    s3 = boto3.client("s3")
    arn, now, attempt = event["execution_arn"], datetime.now(UTC), int(event["attempt"])
    input_bytes = sum(list_sizes(s3, f"{event['train_uri']}/").values())
    spot = spot_of(event, settings, now)

    def decide(state: State) -> tuple[State, tuple[State, Choice]]:
        state, choice = plan(state, settings, arn, bytes=input_bytes, attempt=attempt, now=now, spot=spot)
        return state, (state, choice)

    state, choice = TrainingStore(s3, settings.state_uri).transact(decide)
    look_again(boto3.client("scheduler"), state, settings, now)
    return {
        "instance_type": choice.instance_type,
        "input_bytes": str(input_bytes),
        "reason": f"{choice.instance_type}: {choice.reason}{_waits(until(state, state.planned[arn], settings))}",
    }


def spot_of(event: Mapping[str, Any], settings: Settings, now: datetime) -> Spot | None:
    """When the model of an execution on spot capacity has to be ready; None where nothing moves, or has moved already.

    Raises NoMomentError when ReadyBy is no moment.
    """
    if settings.on_demand is None or settings.has_moved(event["execution_arn"]):
        return None
    started_at, asked = moment(event["started_at"]), event["ready_by"]
    default = started_at + timedelta(minutes=settings.on_demand.ready_within_minutes)
    try:
        ready_by = default if asked == UNSET else moment(asked)
    except ValueError as error:
        raise NoMomentError(
            f"ReadyBy is '{asked}'; use a moment such as 2026-11-30T06:00:00Z, or leave it out"
        ) from error
    return Spot(ready_by, (now - started_at).total_seconds())


def _waits(last: datetime | None) -> str:
    return "" if last is None else f"; moves to on demand if it has no spot capacity at {last:%Y-%m-%d %H:%M:%S} UTC"
