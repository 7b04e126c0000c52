"""What requests live through at the instances: waiting and rejection, second by second, for many capacities at once.

A queue depends on the second before, so that seconds cannot be computed at once. Half hours can: each first begins with an empty
queue, and those that should not have are played again from where the half hour before them ended, until all fit.

A queue that rejects nothing can be computed at once, and has to be: how long a request waits depends on the instances that come
after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlscaling.replay.fleet import Fleet

BLOCK_SECONDS = 10
_PIECE_SECONDS = 1800
_PIECE_MINUTES = _PIECE_SECONDS // 60

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def violations_by_minute(arrivals: Floats, instances: NDArray[np.floating[Any]], fleet: Fleet) -> Floats:
    """Requests of each minute, by lane, that are rejected or wait longer than `fleet.longest_wait_seconds`.

    Args:
        arrivals: requests in each second, whole minutes of them.
        instances: as many as take requests in each block of ten seconds (rows), by lane.
    """
    if fleet.is_asynchronous:
        return np.column_stack([_answered_late(arrivals, one.astype(np.float64), fleet) for one in instances.T])
    minutes, lanes = len(arrivals) // 60, instances.shape[1]
    pieces = -(-len(arrivals) // _PIECE_SECONDS)
    requests = np.zeros(pieces * _PIECE_SECONDS)
    requests[: len(arrivals)] = arrivals
    blocks = np.zeros((pieces * _PIECE_SECONDS // BLOCK_SECONDS, lanes))
    blocks[: len(instances)] = instances
    by_second = np.ascontiguousarray(requests.reshape(pieces, _PIECE_SECONDS).T)
    rates = np.ascontiguousarray(blocks.reshape(pieces, -1, lanes).transpose(1, 0, 2)) * fleet.requests_per_second
    late = np.zeros((pieces, lanes, _PIECE_MINUTES))
    begins, ends = np.zeros((pieces, lanes)), np.zeros((pieces, lanes))
    wrong = np.ones((pieces, lanes), dtype=bool)
    while wrong.any():
        piece, lane = np.nonzero(wrong)
        late[piece, lane], ends[piece, lane] = _play(by_second, rates, piece, lane, begins[piece, lane], fleet)
        wrong[0] = False
        wrong[1:] = begins[1:] != ends[:-1]
        begins[1:] = ends[:-1]
    return late.transpose(0, 2, 1).reshape(-1, lanes)[:minutes]


def _answered_late(arrivals: Floats, instances: Floats, fleet: Fleet) -> Floats:
    """Requests of each minute that are not answered in time by instances that take the oldest first, from one queue.

    Of those that come so near the end that they still had time, none is counted.
    """
    can = np.cumsum(np.repeat(instances, BLOCK_SECONDS) * fleet.requests_per_second)
    come = np.cumsum(arrivals)
    answered = can + np.minimum(np.minimum.accumulate(come - can), 0)
    in_parallel = (fleet.concurrency - 1) / fleet.requests_per_second  # Served at once, each takes as much longer.
    due = np.arange(len(come)) + round(fleet.longest_wait_seconds - in_parallel)
    in_time = np.where(due < len(come), answered[np.clip(due, 0, len(come) - 1)], np.inf)
    late: Floats = come - np.clip(in_time, come - arrivals, come)
    by_minute: Floats = late.reshape(-1, 60).sum(axis=1)
    return by_minute


def _play(
    by_second: Floats, rates: Floats, piece: Ints, lane: Ints, queue: Floats, fleet: Fleet
) -> tuple[Floats, Floats]:
    """Violations by piece and minute, and the queues at the end."""
    late = np.zeros((len(piece), _PIECE_MINUTES))
    for second in range(_PIECE_SECONDS):
        if second % BLOCK_SECONDS == 0:
            rate = rates[second // BLOCK_SECONDS][piece, lane]
            limit = np.maximum(fleet.queue_seconds, 1 / fleet.requests_per_second) * rate
            patience = np.minimum(limit, rate * fleet.longest_wait_seconds)
        requests = by_second[second][piece]
        before, after = queue, queue + requests - rate
        queue = np.clip(after, 0, limit)
        hot = np.flatnonzero(np.maximum(before, after) > patience)
        if len(hot):
            some = (before[hot], after[hot], queue[hot], requests[hot], rate[hot], limit[hot])
            late[hot, second // 60] += _late(*some, fleet.longest_wait_seconds)
    return late, queue


def _late(
    before: Floats, after: Floats, queue: Floats, requests: Floats, rate: Floats, limit: Floats, longest: float
) -> Floats:
    """The wait goes straight from that of the first request of the second to that of the last, behind all but itself."""
    rejected = np.clip(after - limit, 0, requests)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = before / rate, np.maximum(queue - 1, 0) / rate
        low, high = np.minimum(first, last), np.maximum(first, last)
        share = np.clip((high - longest) / (high - low), 0, 1)
    share = np.where(high > low, share, high > longest)
    return rejected + (requests - rejected) * share
