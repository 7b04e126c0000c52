"""Many executions started at once on one engine: how fast they are done, and what memory and threads they take.

The steps are as small as steps get, so that what is measured is the engine's own. "Bounded" is the ratio of the peaks of many and of few.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

import mllocal
from benchmarks.embedded import BUCKET, IMAGE, ROLE, engine, wait
from mllocal.execution.executor import most_at_once
from mlpipelines import Pipeline, ProcessingInput, ProcessingOutput, ProcessingStep

NAME = "queue"
FEW, MANY = 20, 200
STEPS = 5
LOCAL = "/opt/ml/processing"
SAMPLE_SECONDS = 0.2
BYTES_PER_MB = 1_000_000


@dataclass
class Peak:
    """The most that was seen of an engine: its own process, that with MLflow and Lambda's, and its threads."""

    engine_bytes: int = 0
    tree_bytes: int = 0
    threads: int = 0


@dataclass(frozen=True)
class Run:
    """What it took to run so many executions."""

    executions: int
    started_seconds: float
    seconds: float
    peak: Peak


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Measure and print; each count once, on an engine of its own."""
    runs = [_measured(scratch / str(count), count) for count in (FEW, MANY)]
    title = f"Executions of {STEPS} processing steps started at once, of which {most_at_once()} run at once"
    table = Table(title=title, title_justify="left")
    columns = ("executions", "all started", "all succeeded", "executions a minute")
    for column in (*columns, "engine, peak", "with MLflow, peak", "threads, peak"):
        table.add_column(column, justify="right")
    for one in runs:
        rate, peak = f"{60 * one.executions / one.seconds:.0f}", one.peak
        memory = (f"{size / BYTES_PER_MB:.0f} MB" for size in (peak.engine_bytes, peak.tree_bytes))
        times = (f"{one.started_seconds:.1f} s", f"{one.seconds:.1f} s")
        table.add_row(str(one.executions), *times, rate, *memory, str(peak.threads))
    few, many = (one.peak for one in runs)
    ratios = (many.engine_bytes / few.engine_bytes, many.tree_bytes / few.tree_bytes, many.threads / few.threads)
    table.add_row("ratio", "", "", "", *(f"{value:.2f}" for value in ratios))
    console.print(table)


def _measured(directory: Path, count: int) -> Run:
    directory.mkdir()
    with engine(directory) as running:
        sagemaker = running.client("sagemaker")
        running.client("s3").put_object(Bucket=BUCKET, Key="0/lines", Body=b"line 0\n")
        definition, token = pipeline().render(), NAME.ljust(32, "-")
        sagemaker.create_pipeline(
            PipelineName=NAME, PipelineDefinition=definition, RoleArn=ROLE, ClientRequestToken=token
        )
        with _watched(running) as peak:
            began = time.perf_counter()
            arns = [sagemaker.start_pipeline_execution(PipelineName=NAME)["PipelineExecutionArn"] for _ in range(count)]
            started = time.perf_counter() - began
            for arn in arns:
                describe = sagemaker.describe_pipeline_execution
                wait(describe, "PipelineExecutionStatus", "Succeeded", PipelineExecutionArn=arn)
            return Run(count, started, time.perf_counter() - began, peak)


def pipeline() -> Pipeline:
    """Steps in a row: each prints a line, and adds one to what the step before it wrote."""
    return Pipeline(name=NAME, steps=tuple(_step(number) for number in range(1, STEPS + 1)))


def _step(number: int) -> ProcessingStep:
    script = f"echo step {number} runs; cat {LOCAL}/input/lines > {LOCAL}/output/lines; echo line {number} >> {LOCAL}/output/lines"
    return ProcessingStep(
        name=f"Step{number}",
        image_uri=IMAGE,
        role_arn=ROLE,
        instance_type="ml.m5.large",
        entrypoint=("sh", "-c", script),
        inputs=(ProcessingInput(name="lines", s3_uri=f"s3://{BUCKET}/{number - 1}", local_path=f"{LOCAL}/input"),),
        outputs=(ProcessingOutput(name="lines", s3_uri=f"s3://{BUCKET}/{number}", local_path=f"{LOCAL}/output"),),
        depends_on=(f"Step{number - 1}",) if number > 1 else (),
    )


@contextmanager
def _watched(running: mllocal.Engine) -> Iterator[Peak]:
    """Look at an engine again and again for the time of the block."""
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_SECONDS):
            _look(running, peak)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _look(running: mllocal.Engine, peak: Peak) -> None:
    process, jobs = psutil.Process(running.pid), Path(running.state_directory) / "jobs"
    own = process.memory_info().rss
    others = sum(_resident(child, jobs, running.instance) for child in process.children(recursive=True))
    peak.engine_bytes = max(peak.engine_bytes, own)
    peak.tree_bytes = max(peak.tree_bytes, own + others)
    peak.threads = max(peak.threads, process.num_threads())


def _resident(child: psutil.Process, jobs: Path, instance: str) -> int:
    """The memory of a process that is no job's. A job's process works in the job's directory; just forked, it is the engine's image."""
    try:
        is_job = instance in child.cmdline() or Path(child.cwd()).is_relative_to(jobs)
        return 0 if is_job else int(child.memory_info().rss)
    except psutil.Error:
        return 0  # It ended between being listed and being measured.
