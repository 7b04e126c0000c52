"""How many requests of an endpoint may wait for AWS's model server, which `max_queued_requests` says by `GUNICORN_CMD_ARGS=--backlog=N`.

gunicorn reads that variable, and its command line has no `--backlog` that would come before it. The kernel then refuses at
once what finds N + 1 requests in the queue of a unix socket; without the variable gunicorn asks for a queue of 2048. What
waits beyond that queue are requests that a worker has accepted: these tests pin how many, for it hangs on gunicorn and gevent.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlplatform.endpoint.realtime import queue_variables
from tests.unit.endpoint.model_server import model_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the image and its queues are those of Linux")
ANSWERED = {"200 OK"}
MANY = 300


@pytest.mark.parametrize(("workers", "queued"), [(2, 1), (2, 8), (4, 8)])
def test_each_of_several_workers_takes_one_request_and_the_queue_bounds_the_rest(
    workers: int, queued: int, tmp_path: Path
) -> None:
    """What is finished makes room for exactly one: N + 1 and one for each worker, for as long as the overload lasts."""
    with model_server(tmp_path, "computes", workers, queue_variables(queued)) as server:
        server.hold(workers)
        assert server.send(MANY) == queued + 1
        for _ in range(3 * (queued + 1)):
            server.finish_one()
            assert server.send(MANY) == 1
        assert server.statuses() == ANSWERED


def test_a_single_worker_takes_the_whole_queue_when_it_has_finished_what_it_took(tmp_path: Path) -> None:
    """2 (N + 1) are there at most, if N is 24 or less: gevent looks for more after 50 of its callbacks, two a request.

    From 25 on, a single worker takes more before it has finished what it took, and nothing bounds an overload that lasts.
    """
    queued = 8
    with model_server(tmp_path, "computes", 1, queue_variables(queued)) as server:
        server.hold(1)
        assert server.send(MANY) == queued + 1
        for _ in range(3):
            server.finish_one()
            assert server.send(MANY) == queued + 1
            for _ in range(queued):
                server.finish_one()
                assert server.send(MANY) == 0
        assert server.statuses() == ANSWERED


def test_hundreds_wait_without_the_variable(tmp_path: Path) -> None:
    with model_server(tmp_path, "computes", 2, {}) as server:
        server.hold(2)
        assert server.send(MANY) == MANY
        assert server.statuses() == ANSWERED


def test_nothing_bounds_the_requests_of_a_model_that_waits_instead_of_computing(tmp_path: Path) -> None:
    """gevent takes further requests while a model waits for another service, or sleeps: none of them queues."""
    with model_server(tmp_path, "waits", 2, queue_variables(1)) as server:
        server.hold(MANY)
        assert server.statuses() == ANSWERED
