"""The alarms and rules of Application Auto Scaling, for many policies at once. A lane without such a policy never moves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlscaling.policies.reactive import StepScaleIn, StepScaling, TargetTracking

BLOCK_SECONDS = 10
OUT_DATAPOINTS = 3
IN_SECONDS = 900
IN_SHARE_OF_TARGET = 0.9
_ROUNDING = 1e-9

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(kw_only=True)
class Capacity:
    """The instances of each lane."""

    desired: Floats
    in_service: Floats


class Controller(ABC):
    """What target tracking and step scaling share: the cooldown of scale-out.

    In it, "the capacity added by the initiating scale-out activity is calculated as part of the desired capacity for the next
    scale-out activity" (user guide, "Define cooldown periods"), and it begins when the activity has completed.
    """

    def __init__(self, cooldown_seconds: Sequence[int]) -> None:
        self._cooldown = np.array(cooldown_seconds, dtype=np.int64) // BLOCK_SECONDS
        self._cooling_until = np.zeros(len(cooldown_seconds), dtype=np.int64)
        self._before = np.zeros(len(cooldown_seconds))

    @abstractmethod
    def judge(self, block: int, values: Floats, capacity: Capacity) -> tuple[Floats, Floats]:
        """The capacity that is asked for: at least (0 asks for nothing), and at most (infinity)."""

    def scaled_out(self, mine: Bools, blocks: tuple[int, int], before: Floats) -> None:
        """This policy has scaled these lanes out from a block on, which completes at another."""
        begins, completes = blocks
        initiates = mine & (begins >= self._cooling_until)
        self._before = np.where(initiates, before, self._before)
        self._cooling_until = np.where(initiates, completes + self._cooldown, self._cooling_until)

    def scaled_in(self, where: Bools, block: int) -> None:  # noqa: B027 - not every policy remembers it
        """Lanes have lost instances."""

    def _base(self, block: int, now: Floats) -> Floats:
        return np.where(block < self._cooling_until, self._before, now)


class Tracking(Controller):
    """Target tracking on one signal."""

    def __init__(self, found: Sequence[TargetTracking | None], period_seconds: int) -> None:
        super().__init__([0 if one is None else one.scale_out_cooldown_seconds for one in found])
        self._target = np.array([np.inf if one is None else one.target for one in found])
        self._low = self._target * IN_SHARE_OF_TARGET
        self._scales_in = np.array([one is not None and one.scale_in for one in found])
        in_cooldowns = [0 if one is None else one.scale_in_cooldown_seconds for one in found]
        self._in_cooldown = np.array(in_cooldowns, dtype=np.int64) // BLOCK_SECONDS
        self._in_blocked_until = np.zeros(len(found), dtype=np.int64)
        self._in_datapoints = IN_SECONDS // period_seconds
        self._over, self._under = (np.zeros(len(found), dtype=np.int64) for _ in range(2))
        self._nothing = np.zeros(len(found)), np.full(len(found), np.inf)

    def judge(self, block: int, values: Floats, capacity: Capacity) -> tuple[Floats, Floats]:
        """Not a number is no data: it ends a breach, and does not count as calm."""
        over = values > self._target
        low = values < self._low
        self._over = (self._over + 1) * over
        self._under = np.where(values >= self._low, 0, self._under + low)
        out, calm = self._over >= OUT_DATAPOINTS, low & (self._under >= self._in_datapoints) & self._scales_in
        more, less = self._nothing
        if out.any():
            more = np.where(out, _needed(self._base(block, capacity.in_service), values, self._target), 0)
        if calm.any():
            calm &= block >= self._in_blocked_until
            less = np.where(calm, _needed(capacity.in_service, values, self._target), np.inf)
        return more, less

    def scaled_out(self, mine: Bools, blocks: tuple[int, int], before: Floats) -> None:
        """A scale-out ends the cooldown of scale-in (user guide, "Define cooldown periods")."""
        super().scaled_out(mine, blocks, before)
        self._in_blocked_until = np.where(mine, 0, self._in_blocked_until)

    def scaled_in(self, where: Bools, block: int) -> None:
        """Begins the cooldown of scale-in."""
        self._in_blocked_until = np.where(where, block + self._in_cooldown, self._in_blocked_until)


def _needed(instances: Floats, values: Floats, target: Floats) -> Floats:
    return np.ceil(instances * values / target - _ROUNDING)


class Stepping(Controller):
    """Step scaling on one signal."""

    def __init__(self, found: Sequence[StepScaling | None]) -> None:
        super().__init__([0 if one is None else one.cooldown_seconds for one in found])
        most = max(len(one.steps) for one in found if one is not None)
        self._bounds, self._adds = np.full((most, len(found)), np.inf), np.zeros((most, len(found)))
        for lane, one in enumerate(found):
            for place, step in enumerate(one.steps if one is not None else ()):
                self._bounds[place, lane], self._adds[place, lane] = step.at_least, step.add
        self._percent = np.array([one is not None and one.percent for one in found])
        self._datapoints = np.array([1 if one is None else one.datapoints for one in found])
        self._over = np.zeros(len(found), dtype=np.int64)
        self._nothing = np.zeros(len(found)), np.full(len(found), np.inf)

    def judge(self, block: int, values: Floats, capacity: Capacity) -> tuple[Floats, Floats]:
        """Percent are rounded down, but to 1 at least (API reference, `StepScalingPolicyConfiguration`)."""
        over = values >= self._bounds[0]
        self._over = (self._over + 1) * over
        if not over.any():
            return self._nothing
        add = np.where(values >= self._bounds, self._adds, 0.0).max(axis=0)
        base = self._base(block, capacity.desired)
        add = np.where(self._percent, np.maximum(1, np.floor(base * add / 100 + _ROUNDING)), add)
        return np.where(self._over >= self._datapoints, base + add, 0), self._nothing[1]


class SteppingIn(Controller):
    """Step scaling that scales in, on one signal."""

    def __init__(self, found: Sequence[StepScaleIn | None]) -> None:
        super().__init__([0] * len(found))
        most = max(len(one.steps) for one in found if one is not None)
        self._bounds, self._removes = np.full((most, len(found)), -np.inf), np.zeros((most, len(found)))
        for lane, one in enumerate(found):
            for place, step in enumerate(one.steps if one is not None else ()):
                self._bounds[place, lane], self._removes[place, lane] = step.at_most, step.remove_percent
        self._datapoints = np.array([1 if one is None else one.datapoints for one in found])
        cooldowns = [0 if one is None else one.cooldown_seconds for one in found]
        self._in_cooldown = np.array(cooldowns, dtype=np.int64) // BLOCK_SECONDS
        self._blocked_until, self._under = (np.zeros(len(found), dtype=np.int64) for _ in range(2))
        self._nothing = np.zeros(len(found)), np.full(len(found), np.inf)

    def judge(self, block: int, values: Floats, capacity: Capacity) -> tuple[Floats, Floats]:
        """Percent are rounded down, but to 1 at least (API reference, `StepScalingPolicyConfiguration`)."""
        self._under = (self._under + 1) * (values <= self._bounds[0])
        ready = (self._under >= self._datapoints) & (block >= self._blocked_until)
        if not ready.any():
            return self._nothing
        percent = np.where(values <= self._bounds, self._removes, 0.0).max(axis=0)
        remove = np.maximum(1, np.floor(capacity.desired * percent / 100 + _ROUNDING))
        return self._nothing[0], np.where(ready, capacity.desired - remove, np.inf)

    def scaled_out(self, mine: Bools, blocks: tuple[int, int], before: Floats) -> None:
        """A scale-out ends the cooldown (there: "the cooldown period for the scale-in activity stops")."""
        self._blocked_until = np.where(mine, 0, self._blocked_until)

    def scaled_in(self, where: Bools, block: int) -> None:
        """Begins the cooldown."""
        self._blocked_until = np.where(where, block + self._in_cooldown, self._blocked_until)
