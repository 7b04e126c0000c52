"""Who asks the model: this process for few rows; for many, a process for each core, as AWS's model servers do.

Each process loads the model and works on batches of its own with one thread. Threads within one `predict` wait for each other many times
a batch, once a tree in a boosted model, which costs more the busier the cores are; and many models have no threads at all.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import pyarrow as pa

from batch_jobs.files import JobError
from batch_jobs.models import Model, load_model
from batch_jobs.predicting import Predicted, Predictor
from batch_jobs.usage import Spent, own_peak_bytes

FEW_ROWS = 50_000
_AHEAD = 2  # batches that are ready when a process has answered, while another one is written and read
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")
_INTERPRETER_BYTES = 300 << 20
_MODEL_GROWTH = 4  # a model in memory beside its file, which is often compressed
_MEMORY_SHARE = 0.6

T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    """Predictions for one batch, and what the process that made them has spent so far."""

    predicted: Predicted
    spent: Spent


class Askers:
    """Asks the model for batches. `ahead` batches may wait for their predictions while another is read."""

    def __init__(self, model: Path, unpacked: Path, names: Sequence[str], count: int) -> None:
        self.ahead = 0
        self._pool: ProcessPoolExecutor | None = None
        self._asker: _Asker | None = None
        if count == 1:
            self._asker = _Asker(model, unpacked, names)
            return
        for variable in _THREAD_VARIABLES:
            os.environ[variable] = "1"  # read by the libraries that the processes load
        self.ahead = count + _AHEAD
        # Not forked: a process that has threads cannot be copied safely.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, context, _start, (model, unpacked, tuple(names)))

    def ready(self) -> None:
        """Wait until the model is loaded. Raises `JobError` if it cannot be."""
        if self._pool is not None:
            _result(self._pool.submit(_raise_if_not_started))

    def ask(self, features: pa.Table, *, named: bool) -> Future[Answered]:
        """Begin with a batch; without processes, this is also the end of it."""
        if self._pool is not None:
            return self._pool.submit(_ask, features, named)
        assert self._asker is not None  # noqa: S101 - one or the other
        done: Future[Answered] = Future()
        done.set_result(self._asker.answer(features, named))
        return done

    def __enter__(self) -> Askers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def answer_of(future: Future[Answered]) -> Answered:
    """The predictions, once they are there. A process that was killed is a lack of memory: nothing else kills one."""
    return _result(future)


def workers_for(rows: int, model: Path) -> int:
    """How many processes: one for few rows, else one for each core, unless the model is too large for so many."""
    if rows <= FEW_ROWS:
        return 1
    files = [path for path in model.rglob("*") if path.is_file()] if model.is_dir() else [model]
    each = _INTERPRETER_BYTES + _MODEL_GROWTH * sum(path.stat().st_size for path in files if path.exists())
    return max(1, min(_cores(), int(_memory_bytes() * _MEMORY_SHARE / each)))


class _Asker:
    """A loaded model, in one process."""

    def __init__(self, model: Path, unpacked: Path, names: Sequence[str]) -> None:
        loaded: Model = load_model(model, unpacked)
        self._predictor = Predictor(loaded.predict, names)
        print(f"loaded {loaded.kind}", flush=True)

    def answer(self, features: pa.Table, named: bool) -> Answered:
        predicted = self._predictor.predict(features, named=named)
        return Answered(predicted, Spent(os.getpid(), own_peak_bytes(), time.process_time()))


_started: _Asker | JobError | None = None


def _start(model: Path, unpacked: Path, names: Sequence[str]) -> None:
    """Load the model in a process of the pool. What goes wrong waits for whoever asks: an error here would only break the pool."""
    global _started
    try:
        _started = _Asker(model, unpacked / str(os.getpid()), names)
    except JobError as error:
        _started = error


def _raise_if_not_started() -> None:
    if isinstance(_started, JobError):
        raise _started


def _ask(features: pa.Table, named: bool) -> Answered:
    _raise_if_not_started()
    assert isinstance(_started, _Asker)  # noqa: S101 - set by the initializer
    return _started.answer(features, named)


def _result(future: Future[T]) -> T:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise JobError(
            "OutOfMemory: a process that asks the model was killed, as the kernel does when no memory is left; use an instance type with "
            "more memory, or fewer --workers"
        ) from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_bytes() -> int:
    """The machine's memory, or the container's limit if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
    found = [path.read_text().strip() for path in limits if path.is_file()]
    return min([machine, *(int(text) for text in found if text.isdigit())])
