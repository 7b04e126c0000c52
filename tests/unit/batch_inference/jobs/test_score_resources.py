"""What scoring takes: memory that stays bounded, processes that share the rows, and what is said when there is too little."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.unit.batch_inference.jobs.scripts import JOBS, SUMMING_MODEL, ScoringJob, table

HUNGRY_MODEL = "kept = []\n" + SUMMING_MODEL.replace(
    "    return values.sum", "    kept.append(np.ones(40_000_000))\n    return values.sum"
)


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
