"""What the two benchmarks of the engine share: an engine of their own, and the example's scripts run directly.

"Directly" means: as a plain process, with the very interpreter and packages with which the engine runs the job.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mllocal
from mllocal.images import image_for

JOBS = Path(__file__).parent.parent / "examples" / "demand_forecast" / "jobs"
DATA = JOBS.parent / "data"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/benchmark"
BUCKET = "benchmark"
POLL_SECONDS = 0.1  # each look takes processor time from what is measured


@contextmanager
def engine(directory: Path) -> Iterator[mllocal.Engine]:
    """An engine for the time of a benchmark, with an empty bucket."""
    running = mllocal.up(directory, account="123456789012", region="us-east-1", progress=lambda line: None)
    try:
        running.client("s3").create_bucket(Bucket=BUCKET)
        yield running
    finally:
        mllocal.down(directory)


def upload_directory(running: mllocal.Engine, directory: Path, prefix: str) -> str:
    """Put the files of a directory under a prefix; return its URI."""
    s3 = running.client("s3")
    for file in sorted(path for path in directory.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        s3.upload_file(str(file), BUCKET, f"{prefix}/{file.relative_to(directory)}")
    return f"s3://{BUCKET}/{prefix}"


def run_directly(*arguments: str | Path) -> str:
    """Run Python with the image's packages; return what it printed. Exits when it fails."""
    command = [str(image_for(IMAGE).bin_directory / "python"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed with exit code {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def wait(describe: Any, key: str, done: str, **name: str) -> Any:
    """Poll a describe call until it ends; exits when it did not end well."""
    while True:
        answer = describe(**name)
        if answer[key] == done:
            return answer
        if answer[key] in {"Failed", "Stopped"}:
            sys.exit(f"{json.dumps(answer, default=str)}: the benchmark needs it to succeed")
        time.sleep(POLL_SECONDS)
