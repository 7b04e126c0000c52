"""The container script, run as its job runs it: a process with directories."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SCRIPT = Path(__file__).parents[3] / "constructs/mlplatform/batch_inference/runtime/write_parquet.py"


@dataclass(frozen=True)
class Job:
    """The directories of one job."""

    root: Path

    def write(self, name: str, rows: list[str], predictions: list[str] | None) -> None:
        """An input file, and what the transform answered to it."""
        for directory, suffix, lines in (("prepared", "", rows), ("predictions", ".out", predictions)):
            if lines is not None:
                path = self.root / directory / f"{name}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("".join(f"{line}\n" for line in lines))

    def run(
        self, *, columns: str = "timestamp,forecast", partition_by: str = "timestamp"
    ) -> subprocess.CompletedProcess[str]:
        paths = {
            "--predictions": "predictions",
            "--input": "prepared",
            "--output": "forecast",
            "--report": "report",
            "--message-file": "message",
        }
        command = [sys.executable, str(SCRIPT), "--columns", columns, "--partition-by", partition_by]
        for flag, name in paths.items():
            command += [flag, str(self.root / name)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def fails(self, **options: str) -> str:
        """Why it failed, as SageMaker would tell."""
        answer = self.run(**options)
        assert answer.returncode == 1
        assert list((self.root / "forecast").rglob("*.parquet")) == []
        message = (self.root / "message").read_text()
        assert message in answer.stderr
        return message


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = Job(tmp_path)
    days = ["2011-12-24T22:00:00", "2011-12-24T23:00:00", "2011-12-25T00:00:00"]
    job.write("week.csv", [f"{day},1,2" for day in days], [f"{day},{value}" for value, day in enumerate(days)])
    return job


def test_each_day_is_one_file_with_typed_columns(job: Job) -> None:
    answer = job.run()
    assert answer.returncode == 0, answer.stderr
    paths = sorted(
        path.relative_to(job.root / "forecast").as_posix() for path in (job.root / "forecast").rglob("*.parquet")
    )
    assert paths == ["date=2011-12-24/part-00000.parquet", "date=2011-12-25/part-00000.parquet"]
    table = pq.ParquetFile(job.root / "forecast" / paths[0]).read()
    assert pa.types.is_timestamp(table.schema.field("timestamp").type)
    assert table.column("forecast").to_pylist() == [0, 1]


def test_the_report_describes_every_file(job: Job) -> None:
    job.run()
    report = json.loads((job.root / "report/report.json").read_text())
    assert report["rows"] == 3
    assert [found["rows"] for found in report["files"]] == [2, 1]
    for found in report["files"]:
        content = (job.root / "forecast" / found["path"]).read_bytes()
        assert (found["bytes"], found["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_files_of_several_inputs_come_together_by_day_whatever_their_number_types(job: Job) -> None:
    job.write("other.csv", ["2011-12-25T01:00:00,1,2"], ["2011-12-25T01:00:00,2.5"])
    assert job.run().returncode == 0
    table = pq.ParquetFile(job.root / "forecast/date=2011-12-25/part-00000.parquet").read()
    assert table.column("forecast").to_pylist() == [2.5, 2.0]


def test_a_column_called_date_moves_into_the_directory(job: Job) -> None:
    job.write("week.csv", ["2011-12-24,1"], ["2011-12-24,7"])
    assert job.run(columns="date,forecast", partition_by="date").returncode == 0
    table = pq.ParquetFile(job.root / "forecast/date=2011-12-24/part-00000.parquet").read()
    assert table.column_names == ["forecast"]


def test_fewer_predictions_than_rows_are_an_error(job: Job) -> None:
    job.write("short.csv", ["2011-12-25T01:00:00,1", "2011-12-25T02:00:00,1"], ["2011-12-25T01:00:00,1"])
    assert job.fails() == "short.csv has 2 rows but its predictions have 1; nothing was written"


def test_an_input_without_predictions_is_an_error(job: Job) -> None:
    job.write("lost.csv", ["2011-12-25T01:00:00,1"], None)
    assert job.fails() == "the transform wrote no lost.csv.out for lost.csv; look at the log of its job"


def test_empty_predictions_are_an_error(job: Job) -> None:
    job.write("empty.csv", ["2011-12-25T01:00:00,1"], ["2011-12-25T01:00:00,"])
    assert job.fails() == "the predictions have empty values: 1 in 'forecast'; the model must answer for every row"


def test_another_number_of_columns_is_an_error(job: Job) -> None:
    assert job.fails(columns="store,timestamp,forecast").startswith(
        "week.csv.out is not CSV with the columns store, timestamp, forecast"
    )


def test_a_partition_column_without_times_is_an_error(job: Job) -> None:
    job.write("week.csv", ["north,1"], ["north,7"])
    assert job.fails(columns="store,forecast", partition_by="store") == (
        "column 'store' holds north, which is no ISO 8601 time; partition by a column with times"
    )


def test_no_input_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "prepared").mkdir()
    (tmp_path / "predictions").mkdir()
    assert "the transform had no input" in Job(tmp_path).fails()
