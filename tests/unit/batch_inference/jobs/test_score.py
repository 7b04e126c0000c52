"""Scoring: the same predictions however the rows are cut, poison rows alone set aside, and nothing lost when it is ended."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_jobs.files import JobError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.batch_inference.jobs.scripts import JOBS, SUMMING_MODEL, ScoringJob

SLOW_MODEL = SUMMING_MODEL.replace("    return values.sum", "    import time; time.sleep(0.2)\n    return values.sum")
HUNGRY_MODEL = "kept = []\n" + SUMMING_MODEL.replace(
    "    return values.sum", "    kept.append(np.ones(40_000_000))\n    return values.sum"
)


def table(rows: int, poison: set[int] = frozenset()) -> pa.Table:  # type: ignore[assignment]
    first = [-1.0 if row in poison else float(row) for row in range(rows)]
    return pa.table({"time": [f"t{row}" for row in range(rows)], "a": first, "b": [0.5] * rows})


def refused(job: ScoringJob, *words: str) -> str:
    with pytest.raises(JobError) as caught:
        job.score(*words)
    return str(caught.value)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 80),
    poison=st.sets(st.integers(0, 79), max_size=8),
    part_rows=st.integers(1, 90),
    batch_rows=st.integers(1, 90),
)
def test_any_split_gives_the_same_predictions_and_sets_exactly_the_poison_rows_aside(
    tmp_path_factory: pytest.TempPathFactory, rows: int, poison: set[int], part_rows: int, batch_rows: int
) -> None:
    poison = {row for row in poison if row < rows - 1}
    job = ScoringJob(tmp_path_factory.mktemp("run"))
    job.model()
    job.raw("a.parquet", table(rows, poison))
    job.prepare("--part-rows", str(part_rows))
    job.score("--batch-rows", str(batch_rows), "--prediction-columns", "sum")

    good = [row for row in range(rows) if row not in poison]
    assert job.table("out").to_pydict() == {"time": [f"t{row}" for row in good], "sum": [row + 0.5 for row in good]}
    aside = [line for path in sorted((job.root / "aside-scoring").glob("*")) for line in job.lines(str(path))]
    assert [line["key"] for line in aside] == [{"time": f"t{row}"} for row in sorted(poison)]
    assert {line["reason"] for line in aside} <= {"ValueError: below zero"}
    sidecars = [job.json(str(path)) for path in sorted((job.root / "out").glob("*.json"))]
    assert sum(one["input_rows"] for one in sidecars) == rows
    assert sum(one["set_aside"] for one in sidecars) == len(poison)


def test_a_sidecar_describes_its_part(job: ScoringJob) -> None:
    job.model()
    job.raw("a.parquet", table(50, {7}))
    job.prepare("--part-rows", "20")
    job.score("--prediction-columns", "sum")
    sidecar = job.json("out/part-00000.json")
    content = (job.root / "out/part-00000.parquet").read_bytes()
    assert (sidecar["bytes"], sidecar["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert sidecar["prepared_sha256"] == job.json("report/report.json")["parts"][0]["sha256"]
    assert (sidecar["input_rows"], sidecar["rows"], sidecar["set_aside"]) == (20, 19, 1)
    assert sidecar["reasons"] == {"ValueError: below zero": 1}
    assert sidecar["columns"] == [{"name": "time", "type": "string"}, {"name": "sum", "type": "double"}]
    assert (sidecar["profile"]["sum"]["count"], sidecar["profile"]["sum"]["max"]) == (19, 19.5)
    assert not list(job.root.glob(".*"))


def test_the_rows_lie_beside_each_part_as_json_lines_for_who_asks(job: ScoringJob) -> None:
    job.model()
    rows = table(25, {7}).to_pydict()
    moments = [datetime(2026, 3, 9) + timedelta(hours=row) for row in range(25)]
    job.raw("a.parquet", pa.table({**rows, "time": pa.array(moments, pa.timestamp("ms"))}))
    job.prepare("--part-rows", "20")
    job.score("--prediction-columns", "sum", "--batch-rows", "3")
    assert not list((job.root / "out").glob("*.jsonl"))

    job.score("--prediction-columns", "sum", "--batch-rows", "3", "--json-lines")

    sidecars = [job.json(f"out/part-0000{part}.json") for part in (0, 1)]
    copies = [one["json_lines"] for one in sidecars]
    assert [copy["bytes"] for copy in copies] == [(job.root / "out" / copy["path"]).stat().st_size for copy in copies]
    lines = [line for copy in copies for line in job.lines(f"out/{copy['path']}")]
    assert [(datetime.fromisoformat(line["time"]), line["sum"]) for line in lines] == [
        (row["time"], row["sum"]) for row in job.table("out").to_pylist()
    ]
    assert len(lines) == sum(one["rows"] for one in sidecars) == 24


def test_features_without_names_come_as_an_array_and_with_names_as_a_dataframe(job: ScoringJob) -> None:
    script = """
def model_fn(directory):
    return None

def predict_fn(rows, model):
    assert SHAPE
    return [1] * len(rows)
"""
    job.model(script.replace("SHAPE", "rows.dtype == float and rows.shape == (2, 2) and rows[1, 1] != rows[1, 1]"))
    job.raw("a.csv", "t0,1,2\nt1,3,\n")
    job.prepare()
    job.score()
    for path in [*(job.root / "out").iterdir(), job.root / "raw/a.csv"]:
        path.unlink()
    job.model(script.replace("SHAPE", "list(rows.columns) == ['a', 'b']"))
    job.raw("a.parquet", table(2))
    job.prepare()
    job.score()
    assert job.table("out").column("prediction").to_pylist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("answer", "type_", "values"),
    [
        ("['yes', 'no']", "string", ["yes", "no"]),
        ("[True, False]", "bool", [True, False]),
        ("[1, 2]", "double", [1.0, 2.0]),
        ("np.float32([1, 2])", "double", [1.0, 2.0]),
        ("__import__('pandas').DataFrame({'x': [1, 2]})", "double", [1.0, 2.0]),
        ("[[1], [2]]", "double", [1.0, 2.0]),
    ],
)
def test_a_prediction_is_a_number_text_or_a_boolean(
    job: ScoringJob, answer: str, type_: str, values: list[Any]
) -> None:
    job.model(f"import numpy as np\ndef model_fn(d): pass\ndef predict_fn(rows, model): return {answer}\n")
    job.raw("a.parquet", table(2))
    job.prepare()
    job.score()
    column = job.table("out").column("prediction")
    assert (str(column.type), column.to_pylist()) == (type_, values)


def test_several_predictions_have_a_column_each(job: ScoringJob) -> None:
    job.model("def model_fn(d): pass\ndef predict_fn(rows, model): return rows[['b', 'a']]\n")
    job.raw("a.parquet", table(3))
    job.prepare()
    job.score("--prediction-columns", "low,high")
    assert job.table("out").to_pydict()["low"] == [0.5] * 3
    assert "the model predicts 2 columns, and 1 are named (low)" in refused(
        ScoringJob(job.root), "--prediction-columns", "low", "--output", str(job.root / "other")
    )


def test_a_row_without_a_finite_prediction_is_set_aside(job: ScoringJob) -> None:
    job.model("def model_fn(d): pass\ndef predict_fn(rows, model): return [1.0, float('nan'), float('inf')]\n")
    job.raw("a.parquet", table(3))
    job.prepare()
    job.score()
    assert job.table("out").column("time").to_pylist() == ["t0"]
    assert job.json("out/part-00000.json")["reasons"] == {"the model predicted no finite value": 2}


@pytest.mark.parametrize("rows", [3, 5000])
def test_a_model_that_fails_on_every_row_fails_the_job(job: ScoringJob, rows: int) -> None:
    job.model("def model_fn(d): pass\ndef predict_fn(rows, model): raise KeyError('hour')\n")
    job.raw("a.parquet", table(rows))
    job.prepare()
    assert refused(job).startswith(f"ModelFailed: the model failed on each of {min(rows, 1000)} rows: KeyError: 'hour'")


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


def test_a_corrupt_part_fails_with_its_name(job: ScoringJob) -> None:
    job.model()
    job.raw("a.parquet", table(3))
    job.prepare()
    (job.root / "prepared/part-00000.parquet").write_bytes(b"PAR1 no more")
    assert refused(job).startswith("DataCheckFailed: part-00000.parquet cannot be read")
    assert not list((job.root / "out").iterdir())


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


def test_usage_says_what_was_scored_and_what_memory_it_took(job: ScoringJob) -> None:
    job.model()
    job.raw("a.parquet", table(30))
    job.prepare("--part-rows", "10")
    assert job.run("score.py").returncode == 0
    usage = job.json("usage/usage-algo-1.json")
    assert (usage["rows"], usage["parts"], usage["finished"], usage["host"]) == (30, 3, True, "algo-1")
    assert usage["input_bytes"] == sum(path.stat().st_size for path in (job.root / "prepared").iterdir())
    assert 20e6 < usage["peak_memory_bytes"] < 1e9
    assert usage["cpu_seconds"] > 0


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


def test_a_job_without_memory_says_so_and_leaves_how_much_it_took(job: ScoringJob) -> None:
    """A real limit: the model keeps 320 MB a batch, until the address space ends."""
    job.model(HUNGRY_MODEL)
    job.raw("a.parquet", table(100))
    job.prepare("--part-rows", "10")
    limit = 2 << 30

    done = subprocess.run(
        [sys.executable, str(JOBS / "score.py"), *job.score_words()],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert job.message().startswith("OutOfMemory: no memory is left for 10 rows at once")
    usage = job.json("usage/usage-algo-1.json")
    assert (usage["finished"], usage["parts"]) == (False, len(list((job.root / "out").glob("*.json"))))
    assert usage["peak_memory_bytes"] > 40_000_000 * 8 * usage["parts"]


def test_memory_stays_bounded_whatever_the_size_of_a_part(job: ScoringJob) -> None:
    """The smaller part is large enough for every process to have the buffers that it keeps: 135 MB in all, from about 400,000 rows on."""
    sizes, peaks = (800_000, 4_000_000), []
    job.model()
    random = np.random.default_rng(0)
    for rows in sizes:
        numbers = {f"f{place}": np.abs(random.normal(size=rows)) for place in range(8)}
        (job.root / "prepared").mkdir(exist_ok=True)
        part = pa.table({"time": np.arange(rows), **numbers})
        pq.write_table(part, job.root / "prepared/part-00000.parquet", row_group_size=65_536)
        done = job.run("score.py", "--batch-rows", "20000", "--output", str(job.root / f"out-{rows}"))
        assert done.returncode == 0, done.stderr
        peaks.append(job.json("usage/usage-algo-1.json")["peak_memory_bytes"])
    assert peaks[1] - peaks[0] < 0.25 * (sizes[1] - sizes[0]) * 9 * 8


def test_processes_that_share_the_rows_give_the_same_predictions(job: ScoringJob) -> None:
    job.model()
    job.raw("a.parquet", table(500, {7, 130, 131}))
    job.prepare("--part-rows", "200")
    done = job.run("score.py", "--workers", "2", "--batch-rows", "30")
    assert done.returncode == 0, done.stderr
    shared = job.table("out")
    assert job.json("usage/usage-algo-1.json")["rows"] == 500
    job.score("--output", str(job.root / "alone"), "--workers", "1")
    assert shared == job.table("alone")
    assert shared.num_rows == 497


def test_a_process_that_is_killed_is_a_lack_of_memory(job: ScoringJob) -> None:
    job.model(
        "import os, signal\ndef model_fn(d): pass\ndef predict_fn(rows, model): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    job.raw("a.parquet", table(9))
    job.prepare()
    assert job.run("score.py", "--workers", "2").returncode == 1
    assert job.message().startswith("OutOfMemory: a process that asks the model was killed")


def test_a_model_that_does_not_load_in_processes_says_why(job: ScoringJob) -> None:
    job.model("import no_such_package")
    job.raw("a.parquet", table(9))
    job.prepare()
    assert job.run("score.py", "--workers", "2").returncode == 1
    assert job.message().startswith("ModelLoadFailed: inference.py did not load: ModuleNotFoundError")
