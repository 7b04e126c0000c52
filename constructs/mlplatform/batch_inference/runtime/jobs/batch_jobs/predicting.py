"""Predictions for a table: all rows at once, and by halves where the model fails, until the rows that it fails on are alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from batch_jobs.files import JobError

MOST_FAILURES_AT_FIRST = 1000
_REASON_CHARACTERS = 200

Answer = list[NDArray[Any]]  # one array for each prediction column


@dataclass(frozen=True)
class Predicted:
    """Columns of predictions for the rows marked good, and for each other row why there is none."""

    columns: Answer
    good: NDArray[np.bool_]
    failures: list[tuple[int, str]]


class WrongAnswerError(Exception):
    """The model answered, but not with a prediction for each row."""


class Predictor:
    """Asks a model for the rows of tables, and knows the names of what it answers."""

    def __init__(self, ask: Callable[..., Any], names: Sequence[str]) -> None:
        self._ask = ask
        self._names = tuple(names)
        self._succeeded = 0
        self._failed = 0

    def predict(self, features: pa.Table, *, named: bool) -> Predicted:
        """Raises `JobError` when no memory is left, and when the model fails on every one of many rows."""
        pieces: list[Answer] = []
        good = np.ones(features.num_rows, np.bool_)
        failures: list[tuple[int, str]] = []
        pending = [(0, features.num_rows)] if features.num_rows else []
        while pending:
            start, stop = pending.pop()
            try:
                pieces.append(self._answer(features.slice(start, stop - start), named))
                self._succeeded += stop - start
            except MemoryError as error:
                raise out_of_memory(stop - start) from error
            except JobError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the model raises is why its rows are set aside
                if stop - start > 1:
                    middle = (start + stop) // 2
                    pending += [(middle, stop), (start, middle)]
                else:
                    good[start] = False
                    failures.append((start, _reason(error)))
                    self._give_up_if_hopeless(failures[-1][1])
        return _without_missing(_joined(pieces, len(self._names)), good, failures)

    def _answer(self, features: pa.Table, named: bool) -> Answer:
        rows = features.num_rows
        answered = np.asarray(self._ask(features, named=named))
        if answered.ndim == 0 or len(answered) != rows:
            raise WrongAnswerError(f"{answered.size} predictions for {rows} rows")
        columns = answered.reshape(rows, -1)
        if columns.shape[1] != len(self._names):
            raise JobError(
                f"ModelFailed: the model predicts {columns.shape[1]} columns, and {len(self._names)} are named "
                f"({', '.join(self._names)}); name them all in the predictions of BatchInference"
            )
        return [columns[:, place] for place in range(columns.shape[1])]

    def _give_up_if_hopeless(self, reason: str) -> None:
        """A model that fails on every row would be asked twice for each: stop early."""
        self._failed += 1
        if self._succeeded == 0 and self._failed >= MOST_FAILURES_AT_FIRST:
            raise failed_on_all(self._failed, reason)


def failed_on_all(rows: int, reason: str) -> JobError:
    """The sentence for a model that predicted nothing."""
    return JobError(
        f"ModelFailed: the model failed on each of {rows} rows: {reason}; check that the input has the features it was trained on"
    )


def out_of_memory(rows: int) -> JobError:
    """The sentence for Python's own lack of memory. The kernel kills without a word."""
    return JobError(
        f"OutOfMemory: no memory is left for {rows} rows at once; use an instance type with more memory, or fewer --batch-rows"
    )


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split())
    return (f"{type(error).__name__}: {said}" if said else type(error).__name__)[:_REASON_CHARACTERS]


def _joined(pieces: list[Answer], width: int) -> Answer:
    if not pieces:
        return [np.zeros(0, np.float64) for _ in range(width)]
    if len(pieces) == 1:
        return pieces[0]
    return [np.concatenate([piece[place] for piece in pieces]) for place in range(width)]


def _without_missing(columns: Answer, good: NDArray[np.bool_], failures: list[tuple[int, str]]) -> Predicted:
    """Rows for which the model answered nothing, or infinity, are set aside too."""
    missing = np.zeros(len(columns[0]), np.bool_)
    for column in columns:
        if column.dtype.kind == "f":
            missing |= ~np.isfinite(column)
        elif column.dtype.kind == "O":
            missing |= np.array([one is None or one != one for one in column], np.bool_)
    if missing.any():
        rows = np.flatnonzero(good)[missing]
        good[rows] = False
        failures += [(int(row), "the model predicted no finite value") for row in rows]
        columns = [column[~missing] for column in columns]
    return Predicted(columns, good, sorted(failures))
