"""How fast the clock of scaling runs, and how long an instance takes to come: settings of an engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from mllocal.errors import EngineError

SPEED_VARIABLE = "MLP_SCALING_CLOCK_SPEED"
PROVISIONING_VARIABLE = "MLP_PROVISIONING_SECONDS"
FASTEST = 60


@dataclass(frozen=True)
class ScalingClock:
    """At speed 60, a minute of scaling is a second: metric periods, alarms of policies, cooldowns and provisioning are so much shorter.

    Requests are not: a policy sees their rate in real time, so that ten requests per second are 600 a minute at any speed.
    `provisioning_seconds`, of this clock, are added to what starting a process takes. Raises `EngineError` for values that cannot be.
    """

    speed: float = 1
    provisioning_seconds: float = 0

    def __post_init__(self) -> None:
        if not 1 <= self.speed <= FASTEST:
            raise EngineError(f"the clock of scaling cannot run at {self.speed:g} times; use 1 to {FASTEST}")
        if self.provisioning_seconds < 0:
            raise EngineError(f"provisioning cannot take {self.provisioning_seconds:g} seconds; use 0 or more")

    @classmethod
    def from_environment(cls) -> ScalingClock:
        """What `MLP_SCALING_CLOCK_SPEED` and `MLP_PROVISIONING_SECONDS` say; real time without them."""
        return cls(_number(SPEED_VARIABLE, 1), _number(PROVISIONING_VARIABLE, 0))

    def environment(self) -> Mapping[str, str]:
        """The variables that say this."""
        return {SPEED_VARIABLE: str(self.speed), PROVISIONING_VARIABLE: str(self.provisioning_seconds)}

    def real_seconds(self, seconds: float) -> float:
        """How long so many seconds of this clock take."""
        return seconds / self.speed


def _number(variable: str, default: float) -> float:
    text = os.environ.get(variable) or str(default)
    try:
        return float(text)
    except ValueError:
        raise EngineError(f"{variable} is {text!r}; give a number") from None
