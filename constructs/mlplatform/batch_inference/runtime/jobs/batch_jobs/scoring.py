"""One part of prepared rows becomes one part of predictions and its sidecar."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    json_lines: bool = False
    """Whether the rows lie beside each part as JSON lines, too."""

    def check_type(self, name: str, found: pa.DataType) -> None:
        """Raise `JobError` if the model predicts something else than the table has."""
        wanted = dict(zip(self.names, self.types)).get(name)
        if wanted is not None and not found.equals(PREDICTION_TYPES[wanted]):
            raise JobError(
                f"ModelFailed: the model predicts '{name}' as {found}, and the published column is {wanted}; declare what the "
                "model predicts, or have it predict what is declared"
            )

    def finished(self, part: Path) -> dict[str, Any] | None:
        """The sidecar of a part that is done, if the predictions beside it are those that it describes."""
        sidecar, predictions = self._sidecar(part), self.output / part.name
        if not sidecar.is_file() or not predictions.is_file():
            return None
        found: dict[str, Any] = read_json(sidecar)
        whole = predictions.stat().st_size == found["bytes"] and sha256_of(predictions) == found["sha256"]
        whole = whole and self.json_lines == ("json_lines" in found)
        return found if whole and found.get("prepared_sha256") == sha256_of(part) else None

    def score(self, parts: Iterable[Path]) -> Iterator[dict[str, Any]]:
        """Score parts; yields their sidecars.

        Where processes ask the model, the next batches are read, also those of the next part, and earlier ones written meanwhile.
        """
        pending: deque[tuple[_Made, pa.Table, Future[Answered]]] = deque()
        for made, table in self._batches(parts):
            self.check()
            pending.append((made, table, self.askers.ask(table.select(made.features), named=made.named)))
            if len(pending) > self.askers.ahead:
                yield from self._written(*pending.popleft())
        while pending:
            self.check()
            yield from self._written(*pending.popleft())

    def _batches(self, parts: Iterable[Path]) -> Iterator[tuple[_Made, pa.Table]]:
        for part in parts:
            try:
                with open_bounded(part) as source:
                    made = _Made(self, source, part)
                    rows = self.batch_rows or rows_at_once(len(made.features))
                    for batch in source.iter_batches(batch_size=rows):
                        yield made, pa.Table.from_batches([batch])
            except (pa.ArrowInvalid, OSError) as error:
                raise JobError(
                    f"DataCheckFailed: {part.name} cannot be read ({error}); start the run again, which prepares its input anew"
                ) from error

    def _written(self, made: _Made, table: pa.Table, future: Future[Answered]) -> Iterator[dict[str, Any]]:
        """Write a batch; yields the sidecar of its part if it was the last one."""
        made.write(table, answer_of(future))
        if made.is_whole:
            yield self._published(made)

    def _published(self, made: _Made) -> dict[str, Any]:
        sidecar = made.finish()
        if made.failed:
            move_into_place(made.lines_path, self.set_aside / f"{made.part.stem}.jsonl")
        if self.json_lines:
            move_into_place(made.copy_path, self.output / f"{made.part.stem}.jsonl")
        move_into_place(made.path, self.output / made.part.name)
        write_json(self._sidecar(made.part), sidecar, self.making)
        self.usage.done(made.part.stat().st_size)
        return sidecar

    def _sidecar(self, part: Path) -> Path:
        return self.output / f"{part.stem}.json"


class _Made:
    """The predictions for one part, in the making."""

    def __init__(self, scorer: PartScorer, source: pq.ParquetFile, part: Path) -> None:
        self.part = part
        self.path, self.lines_path = scorer.making / part.name, scorer.making / f"{part.name}.jsonl"
        self.copy_path = scorer.making / f"{part.name}.rows.jsonl"
        metadata = metadata_of(source)
        names = source.schema_arrow.names
        self._keys = [key for key in metadata.get("key_columns", names[:1]) if key in names]
        self.features = [one for one in names if one not in self._keys]
        self.named = bool(metadata.get("named_features", True))
        self._scorer = scorer
        self._began = time.monotonic()
        self._profiles: list[ColumnProfile] = []
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None
        self._reasons: dict[str, int] = {}
        self._left = source.metadata.num_rows
        self._rows = self.failed = 0

    @property
    def is_whole(self) -> bool:
        """Whether every row has been written or set aside."""
        return not self._left

    def write(self, table: pa.Table, answered: Answered) -> None:
        """Add a batch with its predictions."""
        self._note_failures(answered.predicted, table)
        result = self._result(table, answered.predicted)
        columns = [result.column(name) for name in self._scorer.names]
        if self._writer is None:
            self._schema = result.schema
            self._writer = open_parquet(self.path, result.schema, {})
            self._profiles = [ColumnProfile(numeric=pa.types.is_floating(column.type)) for column in columns]
        for profile, column in zip(self._profiles, columns):
            profile.add(column)
        self._writer.write_table(result)
        if self._scorer.json_lines:
            with self.copy_path.open("w" if not self._rows else "a", encoding="utf-8") as lines:
                lines.writelines(json.dumps(row, default=str) + "\n" for row in result.to_pylist())
        self._rows += table.num_rows
        self._left -= table.num_rows
        self._scorer.usage.scored(table.num_rows, answered.spent)

    def finish(self) -> dict[str, Any]:
        """Close the file; what is said of the part."""
        assert self._writer is not None and self._schema is not None  # noqa: S101, PT018 - write() sets both
        self._writer.close()
        return {
            "version": 1,
            "part": self.part.name,
            "prepared_sha256": sha256_of(self.part),
            "input_rows": self._rows,
            "rows": self._rows - self.failed,
            "set_aside": self.failed,
            "reasons": self._reasons,
            "bytes": self.path.stat().st_size,
            "sha256": sha256_of(self.path),
            **self._copy(),
            "columns": described(self._schema),
            "seconds": round(time.monotonic() - self._began, 3),
            "profile": {name: one.to_json() for name, one in zip(self._scorer.names, self._profiles)},
        }

    def _copy(self) -> dict[str, Any]:
        if not self._scorer.json_lines:
            return {}
        return {"json_lines": {"path": f"{self.part.stem}.jsonl", "bytes": self.copy_path.stat().st_size}}

    def _result(self, table: pa.Table, predicted: Predicted) -> pa.Table:
        keys = table.select(self._keys)
        kept = keys if predicted.good.all() else keys.filter(pa.array(predicted.good))
        for name, values in zip(self._scorer.names, predicted.columns):
            column = column_of(values)
            self._scorer.check_type(name, column.type)
            kept = kept.append_column(name, column)
        return kept if self._schema is None else kept.cast(self._schema)

    def _note_failures(self, predicted: Predicted, table: pa.Table) -> None:
        if not predicted.failures:
            return
        self.failed += len(predicted.failures)
        with self.lines_path.open("a", encoding="utf-8") as lines:
            for row, reason in predicted.failures:
                counted = reason if reason in self._reasons or len(self._reasons) < _MOST_REASONS else "other reasons"
                self._reasons[counted] = self._reasons.get(counted, 0) + 1
                key = {name: table.column(name)[row].as_py() for name in self._keys}
                said = {"part": self.part.name, "row": self._rows + row, "reason": reason, "key": key}
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
