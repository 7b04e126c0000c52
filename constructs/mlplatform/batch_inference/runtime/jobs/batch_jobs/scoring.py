"""One part of prepared rows becomes one part of predictions and its sidecar."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from batch_jobs.files import JobError, move_into_place, read_json, sha256_of, write_json
from batch_jobs.part_writer import described, metadata_of, open_bounded, open_parquet
from batch_jobs.predicting import Predicted
from batch_jobs.profiles import ColumnProfile
from batch_jobs.usage import Usage
from batch_jobs.workers import Answered, Askers, answer_of

_BATCH_BYTES = 8 << 20
_FEWEST_ROWS, _MOST_ROWS = 1_000, 65_536
_MOST_REASONS = 50

PREDICTION_TYPES = {"double": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}


@dataclass(frozen=True)
class PartScorer:
    """Scores parts. `check` is called between batches and raises when the job is to stop."""

    askers: Askers
    names: Sequence[str]
    output: Path
    set_aside: Path
    making: Path
    batch_rows: int | None
    usage: Usage
    check: Callable[[], None]
    types: Sequence[str] = ()
    """The types of the predictions by PREDICTION_TYPES, in the order of the names; whatever they are when not given."""

    def check_type(self, name: str, found: pa.DataType) -> None:
        """Raise `JobError` if the model predicts something else than the table has."""
        wanted = dict(zip(self.names, self.types)).get(name)
        if wanted is not None and not found.equals(PREDICTION_TYPES[wanted]):
            raise JobError(
                f"ModelFailed: the model predicts '{name}' as {found}, and the published column is {wanted}; declare what the "
                "model predicts, or have it predict what is declared"
            )

    def finished(self, part: Path) -> dict[str, Any] | None:
        """The sidecar of a part that is done, if it describes the predictions beside it, and they were made of this part."""
        sidecar, predictions = self._sidecar(part), self.output / part.name
        if not sidecar.is_file() or not predictions.is_file():
            return None
        found: dict[str, Any] = read_json(sidecar)
        whole = predictions.stat().st_size == found["bytes"] and sha256_of(predictions) == found["sha256"]
        return found if whole and found.get("prepared_sha256") == sha256_of(part) else None

    def score(self, part: Path) -> dict[str, Any]:
        """Score a part; returns its sidecar."""
        began = time.monotonic()
        try:
            with open_bounded(part) as source:
                made = _Made(self, source, part.name)
                made.run()
        except (pa.ArrowInvalid, OSError) as error:
            raise JobError(
                f"DataCheckFailed: {part.name} cannot be read ({error}); start the run again, which prepares its input anew"
            ) from error
        sidecar = made.sidecar(sha256_of(part), time.monotonic() - began)
        if made.failed:
            move_into_place(made.lines_path, self.set_aside / f"{part.stem}.jsonl")
        move_into_place(made.path, self.output / part.name)
        write_json(self._sidecar(part), sidecar, self.making)
        self.usage.done(part.stat().st_size)
        return sidecar

    def _sidecar(self, part: Path) -> Path:
        return self.output / f"{part.stem}.json"


class _Made:
    """The predictions for one part, in the making."""

    def __init__(self, scorer: PartScorer, source: pq.ParquetFile, name: str) -> None:
        self._scorer, self._source, self._name = scorer, source, name
        metadata = metadata_of(source)
        names = source.schema_arrow.names
        self._keys = [key for key in metadata.get("key_columns", names[:1]) if key in names]
        self._features = [one for one in names if one not in self._keys]
        self._named = bool(metadata.get("named_features", True))
        self.path = scorer.making / name
        self.lines_path = scorer.making / f"{name}.jsonl"
        self._profiles: list[ColumnProfile] = []
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None
        self._reasons: dict[str, int] = {}
        self._rows = self.failed = 0

    def run(self) -> None:
        """Predict for every row. Where processes ask the model, the next batches are read and earlier ones written meanwhile."""
        pending: deque[tuple[pa.Table, Future[Answered]]] = deque()
        try:
            with self.lines_path.open("w", encoding="utf-8") as lines:
                for table in self._batches():
                    self._scorer.check()
                    pending.append((table, self._scorer.askers.ask(table.select(self._features), named=self._named)))
                    if len(pending) > self._scorer.askers.ahead:
                        self._write(*pending.popleft(), lines)
                while pending:
                    self._scorer.check()
                    self._write(*pending.popleft(), lines)
        finally:
            if self._writer is not None:
                self._writer.close()

    def sidecar(self, prepared_sha256: str, seconds: float) -> dict[str, Any]:
        """What is said of the part, which was made of prepared rows with this digest."""
        assert self._schema is not None  # noqa: S101 - run() sets it
        return {
            "version": 1,
            "part": self._name,
            "prepared_sha256": prepared_sha256,
            "input_rows": self._rows,
            "rows": self._rows - self.failed,
            "set_aside": self.failed,
            "reasons": self._reasons,
            "bytes": self.path.stat().st_size,
            "sha256": sha256_of(self.path),
            "columns": described(self._schema),
            "seconds": round(seconds, 3),
            "profile": {name: one.to_json() for name, one in zip(self._scorer.names, self._profiles)},
        }

    def _batches(self) -> Iterator[pa.Table]:
        rows = self._scorer.batch_rows or rows_at_once(len(self._features))
        for batch in self._source.iter_batches(batch_size=rows):
            yield pa.Table.from_batches([batch])

    def _result(self, table: pa.Table, predicted: Predicted) -> pa.Table:
        keys = table.select(self._keys)
        kept = keys if predicted.good.all() else keys.filter(pa.array(predicted.good))
        for name, values in zip(self._scorer.names, predicted.columns):
            column = column_of(values)
            self._scorer.check_type(name, column.type)
            kept = kept.append_column(name, column)
        return kept if self._schema is None else kept.cast(self._schema)

    def _write(self, table: pa.Table, future: Future[Answered], lines: TextIO) -> None:
        answered = answer_of(future)
        self._note_failures(answered.predicted, table, lines)
        result = self._result(table, answered.predicted)
        columns = [result.column(name) for name in self._scorer.names]
        if self._writer is None:
            self._schema = result.schema
            self._writer = open_parquet(self.path, result.schema, {})
            self._profiles = [ColumnProfile(numeric=pa.types.is_floating(column.type)) for column in columns]
        for profile, column in zip(self._profiles, columns):
            profile.add(column)
        self._writer.write_table(result)
        self._rows += table.num_rows
        self._scorer.usage.scored(table.num_rows, answered.spent)

    def _note_failures(self, predicted: Predicted, table: pa.Table, lines: TextIO) -> None:
        self.failed += len(predicted.failures)
        for row, reason in predicted.failures:
            counted = reason if reason in self._reasons or len(self._reasons) < _MOST_REASONS else "other reasons"
            self._reasons[counted] = self._reasons.get(counted, 0) + 1
            key = {name: table.column(name)[row].as_py() for name in self._keys}
            said = {"part": self._name, "row": self._rows + row, "reason": reason, "key": key}
            lines.write(json.dumps(said, default=str) + "\n")


def rows_of(parts: Sequence[Path]) -> int:
    """How many rows parts hold. One that cannot be read has none: scoring it says why."""
    rows = 0
    for part in parts:
        try:
            rows += pq.read_metadata(part).num_rows
        except (pa.ArrowInvalid, OSError):
            continue
    return rows


def rows_at_once(columns: int) -> int:
    """How many rows take about 8 MiB as float64."""
    return int(min(max(_BATCH_BYTES / (8 * max(columns, 1)), _FEWEST_ROWS), _MOST_ROWS))


def column_of(values: NDArray[Any]) -> pa.Array:
    """Predictions as one of three types, so that every run of a pipeline writes the same: numbers as double, booleans, text."""
    if values.dtype.kind in "iuf":
        return pa.array(np.ascontiguousarray(values, np.float64))
    if values.dtype.kind == "b":
        return pa.array(np.ascontiguousarray(values))
    if values.dtype.kind == "O" and all(isinstance(one, (int, float, np.number)) for one in values):
        return pa.array(values.astype(np.float64))
    return pa.array([str(one) for one in values], pa.string())
