"""Search over runs: a million made-up records through the row files into the local copy, beside MLflow's own search on SQLite.

Every query has other, random values each time and answers 100 runs: as `mlp runs search` asks for what its table shows, and as a notebook
asks for all that the runs have. Either opens the copy, lists what is new in the bucket, reads the query and finds. Processor time stands
beside; others on the machine do not change it much. MLflow is asked in this process, without its server.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import mllocal
from benchmarks.embedded import BUCKET, engine
from benchmarks.made_up_runs import COMMITS, COMMON_METRICS, LOSSES, commit, fill_mlflow, stored
from mlp.runs import Runs
from mlp.runs.tables import LISTED_COLUMNS
from mlp.target import RECORDS_PARAMETER, at_engine
from mlrecords.compaction import compact
from mlrecords.rows import keep_rows
from mlrecords.store import RecordStore

RUNS = int(os.environ.get("SEARCH_RUNS", "1000000"))
MLFLOW_RUNS = int(os.environ.get("SEARCH_MLFLOW_RUNS", "50000"))
BATCH = 1000  # runs of a file, as compaction or an import leaves them
SMALL_BATCH, SMALL_FILES = 10, 100  # as capture leaves them
PROCESSES = 2
SMALL_RUNS = SMALL_BATCH * SMALL_FILES
NOW = datetime(2024, 1, 1, tzinfo=UTC)
SMALL_DAY = (NOW + timedelta(minutes=RUNS)).date()
SEED = 11
QUERIES, MLFLOW_QUERIES = 50, 10
GOAL_SECONDS = 0.5
LIMIT = 100


@dataclass(frozen=True)
class Question:
    """The same question to either: in our language, and as arguments of `mlflow.search_runs`."""

    text: str
    mlflow: Mapping[str, Any]


def asked(name: str, chosen: random.Random) -> Question:
    """One with random values."""
    metric, loss, bound = chosen.choice(COMMON_METRICS), chosen.choice(LOSSES), round(chosen.uniform(5, 95), 2)
    if name == "latest 100":
        return Question(f"limit {LIMIT}", {"order_by": ["attributes.start_time DESC"]})
    if name == "filter, order by metric":
        return Question(
            f"metric.{metric} < {bound} and param.loss = '{loss}' order by metric.{metric} limit {LIMIT}",
            {
                "filter_string": f"metrics.{metric} < {bound} and params.loss = '{loss}'",
                "order_by": [f"metrics.{metric} ASC"],
            },
        )
    if name == "order by metric":
        return Question(f"order by metric.{metric} desc limit {LIMIT}", {"order_by": [f"metrics.{metric} DESC"]})
    wanted = commit(chosen.randrange(COMMITS))
    return Question(
        f"code.commit = '{wanted}' limit {LIMIT}", {"filter_string": f"tags.`mlflow.source.git.commit` = '{wanted}'"}
    )


NAMES = ("latest 100", "filter, order by metric", "order by metric", "by commit")


@dataclass(frozen=True)
class Times:
    """Seconds of one question, asked again and again, and of the processor."""

    seconds: list[float]
    processor: list[float]

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1]

    def __str__(self) -> str:
        median, processor = (1000 * statistics.median(found) for found in (self.seconds, self.processor))
        return f"{median:,.0f} / {self.p95 * 1000:,.0f} ({processor:,.0f}) ms"


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Measure and print; each size once, each question many times."""
    with engine(scratch) as running:
        running.client("ssm").put_parameter(Name=RECORDS_PARAMETER, Value=BUCKET, Type="String")
        runs = Runs(at_engine(running))
        rates = {
            f"rows of {RUNS:,} records kept, {BATCH} a file, {PROCESSES} processes": (RUNS, lambda: _keep_all(running)),
            "the same copied to this machine": (RUNS, lambda: runs.find("limit 1")),
            f"rows kept, {SMALL_BATCH} a file, one after the other": (SMALL_RUNS, lambda: _keep_small(runs.store)),
            f"the same {SMALL_FILES} files copied": (SMALL_RUNS, lambda: runs.find("limit 1")),
            "one day compacted": (SMALL_RUNS, lambda: compact(runs.store, SMALL_DAY)),
        }
        _print_rates(console, rates)
        command = _asked(lambda question: runs.find(question.text, columns=LISTED_COLUMNS), QUERIES)
        notebook = _asked(lambda question: runs.find(question.text), QUERIES)
        size = sum(file.stat().st_size for file in runs.directory.iterdir())
        console.print(f"the local copy has {size / 1e6:,.0f} MB")
    _print_queries(console, command, notebook, _asked(_mlflow(scratch), MLFLOW_QUERIES))


def _keep_all(running: mllocal.Engine) -> None:
    firsts = range(0, RUNS, BATCH)
    # Not forked: a fork shares the connection that this process has to the engine, and two that write to one garble their requests.
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_keep_batch, repeat(running), firsts, chunksize=10))


def _keep_batch(running: mllocal.Engine, first: int) -> None:
    moment = NOW + timedelta(seconds=first * 60)  # a file for each 1,000 minutes of runs
    keep_rows(RecordStore(running.client("s3"), BUCKET), stored(range(first, min(first + BATCH, RUNS))), now=moment)


def _keep_small(store: RecordStore) -> None:
    for number in range(SMALL_FILES):
        first = RUNS + number * SMALL_BATCH
        moment = NOW + timedelta(seconds=first * 60)
        keep_rows(store, stored(range(first, first + SMALL_BATCH)), now=moment)


def _mlflow(scratch: Path) -> Callable[[Question], object]:
    """The search of MLflow on a database of its own."""
    import mlflow
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    logging.getLogger("alembic").setLevel(logging.ERROR)
    uri = f"sqlite:///{scratch / 'mlflow.db'}"
    SqlAlchemyStore(uri, str(scratch / "artifacts"))  # type: ignore[no-untyped-call]
    fill_mlflow(scratch / "mlflow.db", MLFLOW_RUNS)
    mlflow.set_tracking_uri(uri)
    return lambda question: mlflow.search_runs(["0"], max_results=LIMIT, **question.mlflow)


def _asked(answer: Callable[[Question], object], count: int) -> dict[str, Times]:
    """Ask all questions in turns, after one of each that is not counted."""
    chosen = random.Random(SEED)  # noqa: S311
    times = {name: Times([], []) for name in NAMES}
    for turn in range(count + 1):
        for name in NAMES:
            question = asked(name, chosen)
            processor = time.process_time()
            seconds = _seconds(partial(answer, question))
            if turn:
                times[name].seconds.append(seconds)
                times[name].processor.append(time.process_time() - processor)
    return times


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _print_rates(console: Console, rates: Mapping[str, tuple[int, Callable[[], object]]]) -> None:
    table = Table(title="Rows of runs on their way to search", title_justify="left")
    for column in ("", "seconds", "runs a second"):
        table.add_column(column, justify="right" if column else "left")
    for name, (count, work) in rates.items():
        seconds = _seconds(work)
        table.add_row(name, f"{seconds:,.1f}", f"{count / seconds:,.0f}")
    console.print(table)


def _print_queries(
    console: Console, command: Mapping[str, Times], notebook: Mapping[str, Times], mlflow: Mapping[str, Times]
) -> None:
    asked = f"median / p95 (median processor time) of {QUERIES} questions, {MLFLOW_QUERIES} to MLflow; the goal is {GOAL_SECONDS} s"
    table = Table(title=f"Search for {LIMIT} runs, {asked}", title_justify="left")
    table.add_column("")
    columns = (
        f"mlp runs search, {RUNS:,} runs",
        "Runs().find, all they have",
        f"MLflow on SQLite, {MLFLOW_RUNS:,} runs",
    )
    for column in (*columns, "MLflow's p95 over ours"):
        table.add_column(column, justify="right")
    for name in NAMES:
        ratio = f"{mlflow[name].p95 / command[name].p95:.1f}"
        table.add_row(name, str(command[name]), str(notebook[name]), str(mlflow[name]), ratio)
    console.print(table)
