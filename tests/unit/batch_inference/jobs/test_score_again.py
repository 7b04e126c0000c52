"""Scoring that is ended, or asked for again: nothing is lost, nothing is half there, and nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.batch_inference.jobs.scripts import JOBS, SUMMING_MODEL, ScoringJob, table

SLOW_MODEL = SUMMING_MODEL.replace("    return values.sum", "    import time; time.sleep(0.2)\n    return values.sum")


def test_a_part_that_is_done_is_not_scored_again_and_a_torn_one_is(job: ScoringJob) -> None:
    job.model()
    job.raw("a.parquet", table(30))
    job.prepare("--part-rows", "10")
    job.score()
    times = {path.name: path.stat().st_mtime_ns for path in (job.root / "out").iterdir()}
    (job.root / "out/part-00001.parquet").write_bytes(b"torn")
    (job.root / "out/part-00002.json").unlink()
    job.score()
    changed = {path.name for path in (job.root / "out").iterdir() if path.stat().st_mtime_ns != times[path.name]}
    assert changed == {"part-00001.parquet", "part-00001.json", "part-00002.parquet", "part-00002.json"}
    assert job.table("out").num_rows == 30


def test_a_part_that_was_prepared_anew_with_other_rows_is_scored_again(job: ScoringJob) -> None:
    job.model()
    job.raw("a.parquet", table(30))
    job.prepare("--part-rows", "10")
    job.score()
    before = {path.name: path.stat().st_mtime_ns for path in (job.root / "out").glob("*.parquet")}
    rows = table(30).to_pydict()
    job.raw("a.parquet", pa.table({**rows, "b": [0.5] * 20 + [0.75] * 10}))
    job.prepare("--part-rows", "10")
    job.score()
    changed = [
        path.name for path in (job.root / "out").glob("*.parquet") if path.stat().st_mtime_ns != before[path.name]
    ]
    assert changed == ["part-00002.parquet"]


def test_an_output_on_another_volume_is_copied_under_a_hidden_name_first(
    job: ScoringJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel refuses to rename across mounts; here the first rename of each file is refused so."""
    replace, moves = os.replace, []

    def across_mounts(source: Path, target: Path) -> None:
        moves.append(Path(source).name)
        if Path(source).parent != Path(target).parent:
            raise OSError(18, "Invalid cross-device link")
        replace(source, target)

    monkeypatch.setattr(os, "replace", across_mounts)
    job.model()
    job.raw("a.parquet", table(3))
    job.prepare()
    job.score()
    assert ".part-00000.parquet.partial" in moves
    assert sorted(path.name for path in (job.root / "out").iterdir()) == ["part-00000.json", "part-00000.parquet"]


def test_sigterm_ends_the_job_between_batches_and_the_next_one_goes_on(job: ScoringJob) -> None:
    job.model(SLOW_MODEL)
    job.raw("a.parquet", table(200))
    job.prepare("--part-rows", "10")
    process = subprocess.Popen([sys.executable, str(JOBS / "score.py"), *job.score_words("--batch-rows", "5")])
    while not (job.root / "out/part-00001.json").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.terminate()
    assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert job.message().startswith("Interrupted: ")
    done = {path.name: path.stat().st_mtime_ns for path in (job.root / "out").glob("*.parquet")}
    assert 2 <= len(done) < 20
    assert not list(job.root.glob(".*"))

    job.model()
    job.score()
    assert job.table("out").column("prediction").to_pylist() == [row + 0.5 for row in range(200)]
    assert all((job.root / "out" / name).stat().st_mtime_ns == when for name, when in done.items())


def test_a_job_that_is_killed_leaves_usage_and_whole_parts_only(job: ScoringJob) -> None:
    job.model(SLOW_MODEL)
    job.raw("a.parquet", table(100))
    job.prepare("--part-rows", "10")
    process = subprocess.Popen([sys.executable, str(JOBS / "score.py"), *job.score_words()])
    while not (job.root / "out/part-00001.json").exists():
        time.sleep(0.02)
    process.kill()
    process.wait()
    usage = job.json("usage/usage-algo-1.json")
    assert usage["finished"] is False
    for path in (job.root / "out").glob("*.parquet"):
        assert pq.ParquetFile(path).metadata.num_rows == 10

    job.model()
    job.score()
    assert job.table("out").num_rows == 100
    assert not list(job.root.glob(".*"))
