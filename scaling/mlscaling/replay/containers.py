"""What requests live through at a serverless endpoint: warm containers, and those that are started for what they have no room for.

A container works on one request at a time. A request goes to a warm container; if none is free, to one that was started before and
idles; if there is none, to one that is started for it, for which it waits. More than `OnDemand.max_concurrency` at once are throttled.

Requests are counted by steps, of which several pass while one is served, and half hours are played at once: each after as much of what
was before it as it may still feel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlscaling.replay.controllers import BLOCK_SECONDS
from mlscaling.replay.fleet import Fleet, OnDemand

STEPS_OF_A_REQUEST = 8
SHORTEST_STEP_SECONDS = 0.05
_LANES_AT_ONCE = 16
_PIECE_BLOCKS = 180
_MINUTE_BLOCKS = 6
_DAY_SECONDS = 86_400

Floats = NDArray[np.float64]


class Containers:
    """The requests of a demand by steps, and what becomes of them behind any number of warm containers.

    Requests come at random within their second. A request keeps its container for half a step more than it takes, since on average it
    comes in the middle of one: so it meets as many others as it should. One that takes less than half of `SHORTEST_STEP_SECONDS` is
    played as if it took that. Coarser steps count more throttled requests, not fewer.

    Args:
        arrivals: requests in each second, whole minutes of them.
        fleet: one with `on_demand`.
        on_demand: that of the fleet.
    """

    def __init__(self, arrivals: Floats, fleet: Fleet, on_demand: OnDemand, random: np.random.Generator) -> None:
        takes = 1 / fleet.requests_per_second
        fine = max(1, min(STEPS_OF_A_REQUEST, round(takes / SHORTEST_STEP_SECONDS)))
        self._takes = max(fine, math.ceil(2 * takes))
        half_less = BLOCK_SECONDS * (self._takes - 0.5) / takes
        self._in_block = round(min(half_less, BLOCK_SECONDS / SHORTEST_STEP_SECONDS))
        self._requests = _in_steps(arrivals, self._in_block, random)
        self._on_demand = on_demand
        self._cold_counts = on_demand.cold_start_seconds > fleet.longest_wait_seconds

    def most_at_once(self) -> Floats:
        """The most requests at work in each block of ten seconds, if none had to wait."""
        come = np.concatenate([np.zeros(self._takes), np.cumsum(self._requests)])
        at_work = come[self._takes :] - come[: -self._takes]
        most: Floats = at_work.reshape(-1, self._in_block).max(axis=1)
        return most

    def violations_by_minute(self, warm: NDArray[np.floating[Any]]) -> Floats:
        """Requests of each minute, by lane, that are throttled or wait for a container for longer than the objective.

        Args:
            warm: containers in each block of ten seconds (rows), by lane.
        """
        parts = range(0, warm.shape[1], _LANES_AT_ONCE)
        return np.concatenate([self._violations(warm[:, lane : lane + _LANES_AT_ONCE]) for lane in parts], axis=1)

    def _violations(self, warm: NDArray[np.floating[Any]]) -> Floats:
        """The state at the begin of a piece is that of an empty endpoint that has lived through its run-in."""
        blocks, lanes = warm.shape
        felt = 2 * self._on_demand.idle_container_seconds + self._on_demand.cold_start_seconds
        run_in = _MINUTE_BLOCKS * math.ceil(felt / (_MINUTE_BLOCKS * BLOCK_SECONDS)) + self._takes // self._in_block
        piece = max(_PIECE_BLOCKS, _MINUTE_BLOCKS * math.ceil(2 * run_in / _MINUTE_BLOCKS))
        pieces = -(-blocks // piece)
        kept = np.zeros((run_in + pieces * piece, lanes))
        kept[:run_in], kept[run_in : run_in + blocks] = warm[0], warm
        come = np.zeros(len(kept) * self._in_block)
        come[run_in * self._in_block :][: len(self._requests)] = self._requests
        play = _Play((pieces, lanes), self._takes, self._in_block, self._on_demand)
        late = np.zeros((piece, pieces, lanes))
        for block in range(run_in + piece):
            begins = np.arange(pieces) * piece + block
            requests = come.reshape(-1, self._in_block)[begins]
            throttled, cold = play.block(requests, kept[begins])
            if block >= run_in:
                late[block - run_in] = throttled + cold * self._cold_counts
        by_block = late.transpose(1, 0, 2).reshape(-1, lanes)[:blocks]
        by_minute: Floats = by_block.reshape(-1, _MINUTE_BLOCKS, lanes).sum(axis=1)
        return by_minute


class _Play:
    """Containers of many pieces and lanes, block by block."""

    def __init__(self, shape: tuple[int, int], takes: int, in_block: int, on_demand: OnDemand) -> None:
        self._takes, self._most_at_work = takes, on_demand.max_concurrency
        self._cold_takes = takes + round(on_demand.cold_start_seconds * in_block / BLOCK_SECONDS)
        self._step = 0
        self._warm_busy, self._started, self._busy = (np.zeros(shape) for _ in range(3))
        """Requests at warm containers; containers that were started; those of them that work or are being started."""
        self._warm_ends, self._ends = (np.zeros((self._cold_takes + 1, *shape)) for _ in range(2))
        idle_blocks = max(1, round(on_demand.idle_container_seconds / BLOCK_SECONDS))
        self._used = np.zeros((idle_blocks, *shape))

    def block(self, requests: Floats, warm: Floats) -> tuple[Floats, Floats]:
        """Requests that are throttled, and that have a container started for them. `requests` are by piece and step."""
        throttled, cold = np.zeros_like(warm), np.zeros_like(warm)
        most = self._busy
        for come in requests.T[:, :, None]:
            more, started = self._play(come, warm)
            throttled, cold, most = throttled + more, cold + started, np.maximum(most, self._busy)
        self._used = np.concatenate([self._used[1:], most[None]])
        self._started = np.maximum(self._used.max(axis=0), self._busy)
        return throttled, cold

    def _play(self, come: Floats, warm: Floats) -> tuple[Floats, Floats]:
        place = self._step % len(self._ends)
        self._step += 1
        self._warm_busy = self._warm_busy - self._warm_ends[place]
        self._busy = self._busy - self._ends[place]
        self._ends[place] = 0
        to_warm = np.minimum(come, np.maximum(warm - self._warm_busy, 0))
        room = np.maximum(self._most_at_work - self._warm_busy - to_warm - self._busy, 0)
        others = np.minimum(come - to_warm, room)
        to_idle = np.minimum(others, self._started - self._busy)
        cold = others - to_idle
        self._warm_busy, self._busy, self._started = (
            self._warm_busy + to_warm,
            self._busy + others,
            self._started + cold,
        )
        ends = len(self._ends)
        self._warm_ends[place] = 0
        self._warm_ends[(place + self._takes) % ends] = to_warm
        self._ends[(place + self._takes) % ends] += to_idle
        self._ends[(place + self._cold_takes) % ends] += cold
        return come - to_warm - others, cold


def _in_steps(arrivals: Floats, in_block: int, random: np.random.Generator) -> Floats:
    """Whole requests come at random in their second, and parts of one, which a rate may have, evenly over its block."""
    days = [arrivals[begin : begin + _DAY_SECONDS] for begin in range(0, len(arrivals), _DAY_SECONDS)]
    return np.concatenate([_day_in_steps(day, in_block, random) for day in days])


def _day_in_steps(arrivals: Floats, in_block: int, random: np.random.Generator) -> Floats:
    whole = np.floor(arrivals).astype(np.int64)
    moments = np.repeat(np.arange(len(arrivals)), whole) + random.random(int(whole.sum()))
    steps = len(arrivals) * in_block // BLOCK_SECONDS
    places = np.minimum((moments * (in_block / BLOCK_SECONDS)).astype(np.int64), steps - 1)
    parts = (arrivals - whole).reshape(-1, BLOCK_SECONDS).sum(axis=1) / in_block
    counts: Floats = np.bincount(places, minlength=steps) + np.repeat(parts, in_block)
    return counts
