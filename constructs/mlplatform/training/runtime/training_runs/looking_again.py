"""Looks of the function that watches: one for each execution that may move, called after it."""

from datetime import datetime
from typing import Any

from attempts.looks import plan_look

from .settings import Settings
from .state import State
from .transitions import looks


def look_again(scheduler: Any, state: State, settings: Settings, now: datetime) -> None:
    """Plan the next look at each; nothing where executions do not move."""
    moving = settings.on_demand
    if moving is None:
        return
    for execution_arn, at in looks(state, settings, now).items():
        name = execution_arn.rpartition("/")[2]
        plan_look(scheduler, moving.next_look, name, at, function_arn=moving.watch_arn, event={})
