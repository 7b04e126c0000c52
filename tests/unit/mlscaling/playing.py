"""Small endpoints to play policies on: 10 requests per second and instance, provisioned in five minutes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlscaling.policies.reactive import Signal, TargetTracking
from mlscaling.policies.scaling import Scaling
from mlscaling.replay.fleet import Fleet, Provisioning
from mlscaling.replay.outcome import Outcome, replay

FLEET = Fleet(requests_per_second=10, provisioning=Provisioning.fixed(300), concurrency=4)
MINUTE = 60


def steady(*parts: tuple[float, float]) -> NDArray[np.float64]:
    """Requests in each second: so many minutes with so many per second, one part after the other."""
    return np.concatenate([np.full(round(minutes * MINUTE), rate, dtype=np.float64) for minutes, rate in parts])


def tracking(
    target: float, *, minimum: int = 1, maximum: int = 100, signal: Signal = Signal.INVOCATIONS, **more: int | bool
) -> Scaling:
    """Target tracking alone."""
    return Scaling(
        minimum=minimum,
        maximum=maximum,
        target=TargetTracking(target=target, signal=signal, **more),  # type: ignore[arg-type]
    )


def play(
    policy: Scaling, arrivals: NDArray[np.float64], fleet: Fleet = FLEET, minimums: NDArray[np.int64] | None = None
) -> Outcome:
    """One lane."""
    return replay([policy], fleet, arrivals, minimums=minimums)


def changes(outcome: Outcome, lane: int = 0) -> list[tuple[int, int]]:
    """The first minute that is paid whole with each new capacity, and that capacity."""
    paid = outcome.instances_by_minute[:, lane]
    whole = [(minute, int(value)) for minute, value in enumerate(paid) if value == int(value)]
    return [one for place, one in enumerate(whole) if place == 0 or one[1] != whole[place - 1][1]]
