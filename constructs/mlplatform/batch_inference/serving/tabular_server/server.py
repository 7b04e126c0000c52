"""Starts the server: gunicorn with one process for each core, each with its own model and one request at a time.

So a request holds one batch in memory, and a process that the kernel kills is replaced. Models use one thread each: cores are
shared by requests, not by the threads of one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from batch_jobs.files import JobError
from batch_jobs.models import load_model
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from tabular_server.application import Application

PORT = 8080
MODEL = Path("/opt/ml/model")
REQUEST_SECONDS = 3600  # The most that a transform job waits (API reference, ModelClientConfig).
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no type hints
    """gunicorn, told by this program instead of by a command line."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        super().__init__()

    def load_config(self) -> None:
        """One process for each core; the address as SageMaker says it."""
        host = os.environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0")  # noqa: S104 - a container is asked from outside
        settings = {
            "bind": f"{host}:{os.environ.get('SAGEMAKER_BIND_TO_PORT', PORT)}",
            "workers": self._workers,
            "timeout": REQUEST_SECONDS,
            "loglevel": "warning",
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - heartbeats, not data
            "preload_app": False,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application, in a worker. A model that does not load ends the server: the job has to fail, not to wait."""
        try:
            return Application(load_model(MODEL, Path(os.environ.get("TMPDIR", "/tmp"), "model")), self._workers)  # noqa: S108
        except JobError as error:
            print(error, file=sys.stderr, flush=True)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)  # Any other code has gunicorn try the worker again.


def main(words: Sequence[str]) -> int:
    """Serve until told to stop."""
    if [*words] != ["serve"]:
        print(f"the image was started with {' '.join(words) or 'nothing'}; it knows 'serve'", file=sys.stderr)
        return 2
    for name in THREADS:
        os.environ.setdefault(name, "1")
    Server(workers=worker_count()).run()
    return 0


def worker_count() -> int:
    """One for each core that this process may use, or SAGEMAKER_MODEL_SERVER_WORKERS."""
    given = os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS")
    return (
        int(given)
        if given
        else len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )
