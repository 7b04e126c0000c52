"""Container script of the step Score: predictions for this host's share of the prepared parts, in the model's own image.

For each part, Parquet with the key columns and the predictions, then its sidecar; docs/batch-inference-files.md describes the files. A part
that has its sidecar is not scored again. On SIGTERM the job ends after the batch at hand; parts that are done stay.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from batch_jobs.files import DEFAULT_MESSAGE_FILE, JobError, leave_message, workspace
from batch_jobs.predicting import failed_on_all, out_of_memory
from batch_jobs.scoring import PREDICTION_TYPES, PartScorer, rows_of
from batch_jobs.usage import Usage
from batch_jobs.workers import Askers, workers_for

INTERRUPTED_EXIT_CODE = 128 + signal.SIGTERM


class Interruption:
    """Whether SIGTERM has come."""

    def __init__(self) -> None:
        self._came = False
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, *_: object) -> None:
        self._came = True

    def check(self) -> None:
        """Raise if it has."""
        if self._came:
            raise InterruptedJobError(
                "Interrupted: the job was told to stop; the parts that are done stay; start the run again"
            )


class InterruptedJobError(JobError):
    """The job was told to stop."""


def main() -> None:
    """Score, or say why not."""
    options = arguments()
    try:
        score(options, Interruption())
    except InterruptedJobError as error:
        leave_message(error, options.message_file)
        sys.exit(INTERRUPTED_EXIT_CODE)
    except JobError as error:
        leave_message(error, options.message_file)
        sys.exit(1)
    except MemoryError:
        leave_message(out_of_memory(options.batch_rows or 0), options.message_file)
        sys.exit(1)


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", type=Path, required=True, help="directory with this host's prepared parts")
    parser.add_argument("--model", type=Path, required=True, help="directory with the model, or with model.tar.gz")
    parser.add_argument("--output", type=Path, required=True, help="directory for the predictions")
    parser.add_argument("--usage", type=Path, required=True, help="directory for usage-<host>.json")
    parser.add_argument("--set-aside", type=Path, required=True, help="directory for the rows that the model fails on")
    parser.add_argument("--prediction-columns", default="prediction", help="names, with commas between them")
    parser.add_argument(
        "--prediction-types",
        default="",
        help=f"their types, with commas: {', '.join(PREDICTION_TYPES)}; any when not given",
    )
    parser.add_argument(
        "--json-lines", action="store_true", help="write the rows of each part as JSON lines beside it, too"
    )
    parser.add_argument(
        "--batch-rows", type=int, help="rows predicted at once; as many as take about 8 MiB when not given"
    )
    parser.add_argument(
        "--workers", type=int, help="processes that ask the model; as many as cores, one for few rows, when not given"
    )
    parser.add_argument("--message-file", type=Path, default=DEFAULT_MESSAGE_FILE, help="where to say why it failed")
    options = parser.parse_args(words)
    options.prediction_columns = [name for name in options.prediction_columns.split(",") if name]
    if not options.prediction_columns:
        parser.error("--prediction-columns names none; name what the model predicts, such as prediction")
    options.prediction_types = [kind for kind in options.prediction_types.split(",") if kind]
    if unknown := sorted({*options.prediction_types} - {*PREDICTION_TYPES}):
        parser.error(f"--prediction-types names {', '.join(unknown)}; use {', '.join(PREDICTION_TYPES)}")
    if options.prediction_types and len(options.prediction_types) != len(options.prediction_columns):
        parser.error(
            f"--prediction-types names {len(options.prediction_types)} types for {len(options.prediction_columns)} columns"
        )
    if options.batch_rows is not None and options.batch_rows < 1:
        parser.error(f"--batch-rows is {options.batch_rows}; use 1 or more")
    if options.workers is not None and options.workers < 1:
        parser.error(f"--workers is {options.workers}; use 1 or more")
    return options


def score(options: argparse.Namespace, interruption: Interruption) -> None:
    """Score every part that is not done yet."""
    parts = sorted(options.parts.rglob("*.parquet"))
    with workspace(options.output) as making:
        usage = Usage(options.usage, making)
        usage.write()
        workers = options.workers or workers_for(rows_of(parts), options.model)
        with Askers(options.model, making / "model", options.prediction_columns, workers) as askers:
            pa.array(
                [0.0]
            ).to_numpy()  # pyarrow imports pandas for its first array: here, while the processes load the model
            askers.ready()
            usage.loaded()
            scorer = PartScorer(
                askers=askers,
                names=options.prediction_columns,
                types=options.prediction_types,
                output=options.output,
                set_aside=options.set_aside,
                making=making,
                batch_rows=options.batch_rows,
                usage=usage,
                check=interruption.check,
                json_lines=options.json_lines,
            )
            rows, failed = _totals(_sidecars(parts, scorer))
        usage.write(finished=True)
    print(f"scored {rows - failed} rows, set {failed} aside", flush=True)


def _sidecars(parts: Sequence[Path], scorer: PartScorer) -> Iterator[dict[str, Any]]:
    """Of the parts that are done, then of the others as they are scored."""
    left = []
    for part in parts:
        sidecar = scorer.finished(part)
        if sidecar is None:
            left.append(part)
        else:
            yield sidecar
    yield from scorer.score(left)


def _totals(sidecars: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """How many rows there were, and how many of them were set aside."""
    rows = failed = 0
    reason = ""
    for sidecar in sidecars:
        rows += sidecar["input_rows"]
        failed += sidecar["set_aside"]
        reason = next(iter(sidecar["reasons"]), reason)
    if rows and failed == rows:
        raise failed_on_all(rows, reason)
    return rows, failed


if __name__ == "__main__":
    main()
