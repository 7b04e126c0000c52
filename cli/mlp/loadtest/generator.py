"""Requests that come as they do from people: at random times, whether or not those before them have been answered.

A generator that waits for an answer before it sends the next request sends less the slower the endpoint is, and so hides how slow
("coordinated omission": Gil Tene, "How NOT to Measure Latency", 2013; Schroeder et al., "Open Versus Closed: A Cautionary Tale", 2006).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from mlp.loadtest.steps import Answer, Goal, Step

MOST_IN_FLIGHT = 256
_TOO_MANY_WAIT_SECONDS = 5
_FEWEST_ERRORS = 10


class OpenLoop:
    """Sends at a rate, as a Poisson process, and measures each request from when it was due.

    Args:
        send: sends the request of this number and waits for its answer; answers the error, or None.
        goal: the latency objective.
        stop_at_errors: a step is cut short when a larger share of its answers, and ten at least, were errors.
        seed: of the arrivals; each step has others.
    """

    def __init__(self, send: Callable[[int], str | None], goal: Goal, *, stop_at_errors: float, seed: int) -> None:
        self._send, self._goal, self._stop_at_errors = send, goal, stop_at_errors
        self._random = random.Random(seed)  # noqa: S311 - arrivals, not secrets

    def step(self, requests_per_second: float, seconds: float, *, confirming: bool = False) -> Step:
        """Send for so long, wait for all answers, and say what was measured."""
        due = list(self._arrivals(requests_per_second, seconds))
        patience = max(_TOO_MANY_WAIT_SECONDS, 5 * self._goal.latency_seconds)
        run = _Run(
            self._send,
            most_waiting=MOST_IN_FLIGHT + round(requests_per_second * patience),
            stop_at_errors=self._stop_at_errors,
        )
        sent = run.send_all(due)
        run.raise_what_is_unexpected()
        return Step.of(
            run.answers,
            self._goal,
            requests_per_second=requests_per_second,
            seconds=seconds,
            cut_short=sent < len(due),
            confirming=confirming,
        )

    def _arrivals(self, requests_per_second: float, seconds: float) -> Iterator[float]:
        due = self._random.expovariate(requests_per_second)
        while due < seconds:
            yield due
            due += self._random.expovariate(requests_per_second)


class _Run:
    """One step while it runs."""

    def __init__(self, send: Callable[[int], str | None], *, most_waiting: int, stop_at_errors: float) -> None:
        self.answers: list[Answer] = []
        self._send, self._most_waiting, self._stop_at_errors = send, most_waiting, stop_at_errors
        self._errors, self._lock, self._is_over = 0, threading.Lock(), threading.Event()
        self._futures: list[Future[None]] = []

    def send_all(self, due: list[float]) -> int:
        """How many were sent until it was over."""
        begin = time.perf_counter()
        with ThreadPoolExecutor(MOST_IN_FLIGHT) as pool:
            for number, at in enumerate(due):
                wait = begin + at - time.perf_counter()
                if self._is_over.wait(wait) if wait > 0 else self._is_over.is_set():
                    return self._stop(pool, number)
                if number - len(self.answers) > self._most_waiting:
                    return self._stop(pool, number)
                late = time.perf_counter() - begin - at
                self._futures.append(pool.submit(self._one, number, begin, at, late))
        return len(due)

    def raise_what_is_unexpected(self) -> None:
        """An exception of `send` is a bug, not an answer."""
        for future in self._futures:
            if not future.cancelled():
                future.result()

    def _stop(self, pool: ThreadPoolExecutor, sent: int) -> int:
        self._is_over.set()
        pool.shutdown(cancel_futures=True)
        return sent

    def _one(self, number: int, begin: float, due: float, late: float) -> None:
        error = self._send(number)
        answered = time.perf_counter() - begin
        with self._lock:
            self.answers.append(Answer(due_seconds=due, late_seconds=late, latency_seconds=answered - due, error=error))
            self._errors += error is not None
            if self._errors >= max(_FEWEST_ERRORS, self._stop_at_errors * len(self.answers)):
                self._is_over.set()
