"""Container script of the step WriteParquet: a transform's output as Parquet, partitioned by day.

Runs in AWS's scikit-learn image and uses only its pyarrow. Writes `date=<day>/part-00000.parquet` for each day and, in
another directory, `report.json` with the files, their rows, bytes and SHA-256.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

PARTITION = "date"
MESSAGE_LIMIT = 1024  # API reference, DescribeProcessingJob, ExitMessage.


class OutputError(Exception):
    """The predictions cannot be published; the message says why."""


def main() -> None:
    """Read, check, write."""
    options = arguments()
    columns = options.columns.split(",")
    predictions = read_predictions(options.predictions, options.input, columns)
    files = write_partitions(predictions, options.partition_by, options.output)
    report = {"columns": columns, "partition_by": options.partition_by, "rows": predictions.num_rows, "files": files}
    options.report.mkdir(parents=True, exist_ok=True)
    (options.report / "report.json").write_text(json.dumps(report, indent=1))
    print(f"wrote {predictions.num_rows} rows in {len(files)} files")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True, help="directory with the transform's *.out files")
    parser.add_argument("--input", type=Path, required=True, help="directory with the files that the transform read")
    parser.add_argument("--output", type=Path, required=True, help="directory for the Parquet files")
    parser.add_argument("--report", type=Path, required=True, help="directory for report.json")
    parser.add_argument("--columns", required=True, help="names of the columns, with commas between them")
    parser.add_argument("--partition-by", required=True, help="the column with the time that gives the day")
    parser.add_argument(
        "--message-file", type=Path, default=Path("/opt/ml/output/message"), help="where to say why it failed"
    )
    return parser.parse_args()


def read_predictions(directory: Path, inputs: Path, columns: Sequence[str]) -> pa.Table:
    """The predictions for every input file, in the order of the files' names. Types are inferred from the text."""
    sources = sorted(path for path in inputs.rglob("*") if path.is_file())
    if not sources:
        raise OutputError(f"the transform had no input: {inputs} holds no file")
    tables = []
    for source in sources:
        relative = source.relative_to(inputs)
        target = directory / relative.with_name(relative.name + ".out")
        if not target.is_file():
            raise OutputError(f"the transform wrote no {target.name} for {relative}; look at the log of its job")
        table = read_table(target, columns)
        expected = count_lines(source)
        if table.num_rows != expected:
            raise OutputError(
                f"{relative} has {expected} rows but its predictions have {table.num_rows}; nothing was written"
            )
        tables.append(table)
    predictions = pa.concat_tables(tables, promote_options="permissive")
    empty = [name for name in columns if predictions[name].null_count]
    if empty:
        counts = ", ".join(f"{predictions[name].null_count} in '{name}'" for name in empty)
        raise OutputError(f"the predictions have empty values: {counts}; the model must answer for every row")
    return predictions


def read_table(path: Path, columns: Sequence[str]) -> pa.Table:
    """One file of predictions: CSV without a header."""
    try:
        return csv.read_csv(path, read_options=csv.ReadOptions(column_names=columns))
    except pa.ArrowInvalid as error:
        raise OutputError(f"{path.name} is not CSV with the columns {', '.join(columns)}: {error}") from error


def count_lines(path: Path) -> int:
    """Lines with anything on them."""
    with path.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def write_partitions(predictions: pa.Table, column: str, output: Path) -> list[dict[str, Any]]:
    """A file for each day, in order; returns what was written."""
    days = days_of(predictions, column)
    if column == PARTITION:
        predictions = predictions.drop_columns([column])  # The directory's name already says it.
    files = []
    for day in sorted(pc.unique(days).to_pylist()):
        part = predictions.filter(pc.equal(days, pa.scalar(day, pa.date32())))
        path = output / f"{PARTITION}={day.isoformat()}" / "part-00000.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(part, path)
        content = path.read_bytes()
        files.append(
            {
                "path": path.relative_to(output).as_posix(),
                "rows": part.num_rows,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    return files


def days_of(predictions: pa.Table, column: str) -> pa.ChunkedArray:
    """The calendar day of each row, as its time is written."""
    times = predictions[column]
    if not (pa.types.is_timestamp(times.type) or pa.types.is_date(times.type)):
        raise OutputError(
            f"column '{column}' holds {times[0]}, which is no ISO 8601 time; partition by a column with times"
        )
    return times.cast(pa.date32(), safe=False)


def fail(error: Exception, message_file: Path) -> None:
    """Say why, where SageMaker looks for a job's exit message."""
    print(error, file=sys.stderr)
    if message_file.parent.is_dir():
        message_file.write_text(str(error)[:MESSAGE_LIMIT])
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except OutputError as error:
        fail(error, arguments().message_file)
