"""The alarms and rules of Application Auto Scaling, for many policies at once. A lane without such a policy never moves."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlscaling.policies import ScalingPolicy, TargetTracking

BLOCK_SECONDS = 10
OUT_DATAPOINTS = 3
IN_SECONDS = 900
IN_SHARE_OF_TARGET = 0.9
_NEVER = np.inf

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(kw_only=True)
class Decisions:
    """What the policies want at the end of a block: the most that one asks for; less only if those with scale-in agree."""

    block: int
    in_service: Floats
    desired: Ints
    wanted: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = self.desired.astype(np.float64)
        self._least = np.full(len(self.desired), -1.0)

    def raise_to(self, capacity: Floats, where: Bools) -> None:
        """Ask for more."""
        self.wanted = np.where(where & (capacity > self.wanted), capacity, self.wanted)

    def lower_to(self, capacity: Floats, where: Bools) -> None:
        """Ask for less; whoever asks for more in the same block wins."""
        quiet = self.wanted == self.desired
        self.wanted = np.where(where & quiet & (capacity < self.desired), capacity, self.wanted)


class Floors:
    """The minimum of each lane over time: its own, and the floors that hold."""

    def __init__(self, policies: Sequence[ScalingPolicy]) -> None:
        self._base = np.array([policy.minimum for policy in policies], dtype=np.int64)
        self._changes: dict[int, list[tuple[int, int]]] = {}
        for lane, policy in enumerate(policies):
            for block, minimum in _minimum_by_block(policy):
                self._changes.setdefault(block, []).append((lane, minimum))
        self._now = self._base.copy()

    def at(self, block: int) -> Ints:
        """The minimum in a block; blocks are asked for in order."""
        for lane, minimum in self._changes.get(block, ()):
            self._now[lane] = minimum
        return self._now


def _minimum_by_block(policy: ScalingPolicy) -> list[tuple[int, int]]:
    """When the minimum of a policy changes, and to what. A sweep: floors may overlap, the highest holds."""
    edges: dict[int, list[tuple[int, int]]] = {}
    for floor in policy.floors:
        first, end = (max(0, int(second // BLOCK_SECONDS)) for second in (floor.from_second, floor.to_second))
        edges.setdefault(first, []).append((floor.instances, 1))
        edges.setdefault(end, []).append((floor.instances, -1))
    holding: dict[int, int] = {}
    changes = []
    for block in sorted(edges):
        for instances, change in edges[block]:
            holding[instances] = holding.get(instances, 0) + change
        highest = max((instances for instances, count in holding.items() if count > 0), default=0)
        changes.append((block, max(policy.minimum, highest)))
    return changes


class _Tracker:
    """Target tracking on one signal."""

    def __init__(self, found: Sequence[TargetTracking | None], delay_blocks: int, period_seconds: int) -> None:
        self._target = np.array([_NEVER if one is None else one.target for one in found])
        self._scales_in = np.array([one is not None and one.scale_in for one in found])
        cooldowns = [0 if one is None else one.scale_in_cooldown_seconds for one in found]
        self._cooldown = np.array(cooldowns, dtype=np.int64) // BLOCK_SECONDS
        self._in_datapoints = IN_SECONDS // period_seconds
        self._over, self._under = (np.zeros(len(found), dtype=np.int64) for _ in range(2))
        self._in_blocked_until = np.zeros(len(found), dtype=np.int64)
        self._published: deque[tuple[int, Floats]] = deque()
        self._delay = delay_blocks
        self._is_there = any(one is not None for one in found)

    def publish(self, block: int, values: Floats) -> None:
        """A value of the signal for the period that ends with the block; 0 is no data."""
        if self._is_there:
            self._published.append((block + self._delay, values))

    def judge(self, decisions: Decisions) -> None:
        """Let the alarms see what is due."""
        while self._published and self._published[0][0] <= decisions.block:
            self._judge(decisions, self._published.popleft()[1])

    def changed(self, block: int, out: Bools, scale_in: Bools, desired: Ints) -> None:
        """The capacity was changed, by whatever policy."""
        self._in_blocked_until = np.where(scale_in, block + self._cooldown, self._in_blocked_until)

    def _judge(self, decisions: Decisions, values: Floats) -> None:
        self._over = np.where(values > self._target, self._over + 1, 0)
        low = (values < self._target * IN_SHARE_OF_TARGET) & (values > 0)
        self._under = np.where(low, self._under + 1, 0)
        needed = np.ceil(decisions.in_service * values / self._target)
        decisions.raise_to(needed, self._over >= OUT_DATAPOINTS)
        calm = (self._under >= self._in_datapoints) & (decisions.block >= self._in_blocked_until) & self._scales_in
        decisions.lower_to(needed, calm)


class Tracking(_Tracker):
    """Target tracking by the minute."""

    def __init__(self, policies: Sequence[ScalingPolicy], delay_blocks: int) -> None:
        super().__init__([policy.tracking for policy in policies], delay_blocks, 60)


class FastTracking(_Tracker):
    """Target tracking by ten seconds."""

    def __init__(self, policies: Sequence[ScalingPolicy], delay_blocks: int) -> None:
        super().__init__([policy.fast_tracking for policy in policies], delay_blocks, BLOCK_SECONDS)

    def judge(self, decisions: Decisions, values: Floats | None = None) -> None:
        """Publish the block's value, and let the alarms see what is due."""
        if values is not None:
            self.publish(decisions.block, values)
        super().judge(decisions)


class Steps:
    """Step scaling on the signal of ten seconds."""

    def __init__(self, policies: Sequence[ScalingPolicy], delay_blocks: int) -> None:
        found = [policy.steps for policy in policies]
        most = max((len(one.steps) for one in found if one is not None), default=0)
        self._bounds, self._percents = np.full((most, len(found)), _NEVER), np.zeros((most, len(found)))
        for lane, one in enumerate(found):
            for place, step in enumerate(one.steps if one is not None else ()):
                self._bounds[place, lane], self._percents[place, lane] = step.at_least, step.add_percent
        self._datapoints = np.array([1 if one is None else one.datapoints for one in found])
        cooldowns = [0 if one is None else one.cooldown_seconds for one in found]
        self._cooldown = np.array(cooldowns, dtype=np.int64) // BLOCK_SECONDS
        self._over = np.zeros(len(found), dtype=np.int64)
        self._cooling_until = np.zeros(len(found), dtype=np.int64)
        self._base = np.zeros(len(found), dtype=np.int64)
        self._published: deque[Floats] = deque()
        self._delay = delay_blocks

    def judge(self, decisions: Decisions, values: Floats) -> None:
        """Publish the block's value, and let the alarm see what is due."""
        if not len(self._bounds):
            return
        self._published.append(values)
        if len(self._published) <= self._delay:
            return
        seen = self._published.popleft()
        self._over = np.where(seen >= self._bounds[0], self._over + 1, 0)
        if not self._over.any():
            return
        percent = np.max(np.where(seen >= self._bounds, self._percents, 0.0), axis=0)
        # In a cooldown, what the step that began it added is part of what a larger step adds.
        base = np.where(decisions.block < self._cooling_until, self._base, decisions.desired)
        needed = base + np.maximum(1, np.floor(base * percent / 100))
        decisions.raise_to(needed, self._over >= self._datapoints)

    def changed(self, block: int, out: Bools, scale_in: Bools, desired: Ints) -> None:
        """The capacity was changed from `desired`, by whatever policy."""
        begins = out & (block >= self._cooling_until)
        self._base = np.where(begins, desired, self._base)
        self._cooling_until = np.where(begins, block + self._cooldown, self._cooling_until)
