"""Container script of the step MeasureQuality: predictions that were published, against the truth that came later.

`--predictions` holds published parts, by run: `run_id=<run id>/<generation>/part-00000.parquet`; `--runs` holds runs.json, which says of
each run for which moment and with which model it was made. `--truth` holds CSV with a header or Parquet with the key columns and the
target; where it says something about a key twice, the last file by name holds, and in it the last row. The truth has to fit into memory,
the predictions need not. Writes report.json: the metrics of all joined rows, of each run and of each model version.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from batch_jobs.files import DEFAULT_MESSAGE_FILE, JobError, leave_message, read_json, workspace, write_json
from batch_jobs.quality import CLASSIFICATION, REGRESSION, ClassificationQuality, Quality, RegressionQuality

_TRUTH = "mlplatform_truth"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d+")


def main() -> None:
    """Measure, or say why not."""
    options = arguments()
    try:
        report = measure(options)
    except JobError as error:
        leave_message(error, options.message_file)
        sys.exit(1)
    print(json.dumps({"rows": report["rows"], "metrics": report["metrics"]}, indent=1))


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--predictions", type=Path, required=True, help="directory with published parts, by run")
    parser.add_argument("--runs", type=Path, required=True, help="directory with runs.json")
    parser.add_argument("--truth", type=Path, required=True, help="directory with CSV with a header, or Parquet")
    parser.add_argument("--report", type=Path, required=True, help="directory for report.json")
    parser.add_argument("--keys", required=True, help="columns by which rows are joined, with commas between them")
    parser.add_argument("--target", required=True, help="the truth's column that was predicted")
    parser.add_argument("--prediction", required=True, help="the column of the predictions")
    parser.add_argument("--task", choices=(REGRESSION, CLASSIFICATION), default=REGRESSION)
    parser.add_argument("--message-file", type=Path, default=DEFAULT_MESSAGE_FILE, help="where to say why it failed")
    options = parser.parse_args(words)
    options.keys = [name for name in options.keys.split(",") if name]
    if not options.keys:
        parser.error("--keys names none; name at least one, such as timestamp")
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Join and measure; returns the report."""
    truth = read_truth(options.truth, options.keys, options.target)
    kind: Callable[[], Quality] = RegressionQuality if options.task == REGRESSION else ClassificationQuality
    whole = kind()
    of_models: dict[str, Quality] = {}
    runs = []
    predicted = 0
    for run in read_json(options.runs / "runs.json")["runs"]:
        of_run = kind()
        rows = 0
        for table in _parts(options.predictions / run["path"], [*options.keys, options.prediction]):
            rows += len(table)
            joined = _joined(table, truth, options.keys)
            given, said = joined[_TRUTH], joined[options.prediction]
            for quality in (whole, of_run, of_models.setdefault(run["model_package_arn"], kind())):
                quality.add(given, said)
        predicted += rows
        about = {name: run[name] for name in ("run_id", "scheduled_at", "model_package_arn")}
        runs.append({**about, "rows": rows, "rows_joined": of_run.rows, "metrics": of_run.metrics()})
    if not whole.rows:
        raise JobError(
            f"NothingJoined: none of {predicted} predictions has a truth among {len(truth)} rows by {', '.join(options.keys)}; "
            "see whether the keys are written in the same way"
        )
    report = {
        "version": 1,
        "task": options.task,
        "rows": {"predicted": predicted, "truth": len(truth), "joined": whole.rows},
        "metrics": whole.metrics(),
        "models": {
            arn: {"rows_joined": one.rows, "metrics": one.metrics()} for arn, one in of_models.items() if one.rows
        },
        "runs": [run for run in runs if run["rows_joined"]],
    }
    with workspace(options.report) as making:
        write_json(options.report / "report.json", report, making)
    return report


def read_truth(directory: Path, keys: Sequence[str], target: str) -> pd.DataFrame:
    """Key columns and target of all files, each key once."""
    paths = sorted(path for path in directory.rglob("*") if path.suffix in (".csv", ".parquet"))
    if not paths:
        raise JobError(f"EmptyTruth: there is no .csv or .parquet under {directory}; upload the truth under its prefix")
    tables = [_read_truth(path, [*keys, target]) for path in paths]
    known = [table for table in tables if len(table)]
    if not known:
        raise JobError(f"EmptyTruth: no file under {directory} has a row with a {target}")
    truth = pd.concat([_comparable(table, keys) for table in known], ignore_index=True)
    return truth.drop_duplicates(list(keys), keep="last").rename(columns={target: _TRUTH})


def _read_truth(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    keys = dict.fromkeys(columns[:-1], str)  # As they are written: a number would lose the zeros before it.
    table = pd.read_csv(path, dtype=keys) if path.suffix == ".csv" else pq.read_table(path).to_pandas()
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise JobError(
            f"MissingColumn: {path.name} has no column {', '.join(missing)}; it has {', '.join(table.columns)}"
        )
    return table[list(columns)].dropna()


def _parts(directory: Path, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    for path in sorted(directory.glob("part-*.parquet")):
        names = pq.read_schema(path).names
        missing = [name for name in columns if name not in names]
        if missing:
            raise JobError(f"MissingColumn: {path} has no column {', '.join(missing)}; it has {', '.join(names)}")
        yield pq.read_table(path, columns=list(columns)).to_pandas()


def _joined(table: pd.DataFrame, truth: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    return _comparable(table, keys).merge(truth, on=list(keys), how="inner")


def _comparable(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Keys as text that is the same however they were stored: moments in UTC, whole numbers without a point."""
    return table.assign(**{name: _as_text(table[name]) for name in keys})


def _as_text(column: pd.Series) -> pd.Series:
    known = {value: _canonical(str(value)) for value in column.unique()}
    return column.map(known).astype(object)


def _canonical(value: str) -> str:
    if _MOMENT.fullmatch(value):
        moment = pd.Timestamp(value)
        return str((moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")).isoformat())
    # A number with zeros before it is a code, such as a postal one.
    return value.rstrip("0").rstrip(".") if _DECIMAL.fullmatch(value) else value


if __name__ == "__main__":
    main()
