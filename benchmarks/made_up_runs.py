"""Made-up runs for the benchmark of search: as records of the experiment store, and the same in the tables of MLflow."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from mlrecords.store import StoredRun

PROJECTS, PEOPLE, COMMITS, DATASETS = 30, 100, 50_000, 2000
LOSSES = ("poisson", "squared_error", "absolute_error", "gamma")
COMMON_METRICS = ("rmse", "mae", "r2", "bias", "loss")
_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
_ACCOUNT = "111122223333"


@cache
def commit(number: int) -> str:
    """A commit that about one in `COMMITS` runs has."""
    return hashlib.sha1(b"commit %d" % number, usedforsecurity=False).hexdigest()


@cache
def _version(name: str, number: int) -> str:
    return "sha256:" + hashlib.sha256(f"{name} {number}".encode()).hexdigest()


def document(number: int) -> dict[str, Any]:
    """The record of a training job: 10 metrics, of which 5 are its project's own, 15 parameters, 4 tags, 2 inputs."""
    chosen = random.Random(number)  # noqa: S311
    run_id = hashlib.sha256(b"run %d" % number).hexdigest()[:32]
    name = f"pipelines-{run_id[:12]}-train-{run_id[12:20]}"
    project, person = chosen.randrange(PROJECTS), f"user-{chosen.randrange(PEOPLE)}"
    started = _FIRST + timedelta(seconds=number * 60)
    seconds = chosen.randrange(30, 3000)
    metrics = [*COMMON_METRICS, *(f"project-{project}-{one}" for one in range(5))]
    parameters = {
        "max_iter": chosen.randrange(50, 500),
        "loss": chosen.choice(LOSSES),
        "learning_rate": round(chosen.random(), 3),
    }
    parameters |= {f"option_{one}": chosen.randrange(1000) for one in range(12)}
    bucket = f"s3://project-{project}-data"
    return {
        "schema_version": "1.0",
        "run_id": run_id,
        "observations": [f"sha256:{run_id}{one}" for one in range(3)],
        "identity": {
            "kind": "training-job",
            "name": name,
            "arn": f"arn:aws:sagemaker:eu-west-1:{_ACCOUNT}:training-job/{name}",
            "project": f"project-{project}",
            "account": _ACCOUNT,
            "region": "eu-west-1",
            "created_at": started.isoformat(),
            "created_by": person,
        },
        "status": {
            "state": "Completed",
            "started_at": started.isoformat(),
            "ended_at": (started + timedelta(seconds=seconds)).isoformat(),
        },
        "environment": {
            "image": {
                "uri": f"{_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/train:1",
                "digest": _version("image", project),
            },
            "machines": {"instance_type": "ml.m5.large", "instance_count": 1},
            "python": "3.11.9",
        },
        "code": {
            "remote": "git@example.com:org/models.git",
            "commit": commit(chosen.randrange(COMMITS)),
            "dirty": False,
        },
        "inputs": {
            "train": {"uri": f"{bucket}/train/", "version": _version("train", chosen.randrange(DATASETS))},
            "test": {"uri": f"{bucket}/test/", "version": _version("test", chosen.randrange(DATASETS))},
        },
        "outputs": {"model": {"uri": f"{bucket}/models/{name}/model.tar.gz", "version": f"sha256:{run_id}{run_id}"}},
        "algorithm": {
            "name": "gbdt",
            "hyperparameters": {one: str(value) for one, value in parameters.items()},
            "seeds": {"seed": str(chosen.randrange(1000))},
        },
        "metrics": {one: {"value": chosen.random() * 100} for one in metrics},
        "parents": {hashlib.sha256(b"execution %d" % (number // 5)).hexdigest()[:32]: {"relation": "execution"}},
        "cost": {"usd": seconds * 0.115 / 3600},
        "tags": {"owner": person, "project": f"project-{project}", "team": f"team-{project % 7}", "environment": "dev"},
    }


def stored(numbers: Iterable[int]) -> list[StoredRun]:
    """Runs as the store answers them."""
    found = (document(number) for number in numbers)
    return [StoredRun(run_id=one["run_id"], record=one) for one in found]


def fill_mlflow(database: Path, count: int) -> None:
    """Put runs straight into the tables of an MLflow database on SQLite, which has to be there, and let SQLite take statistics."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for table, width, rows in (
            ("runs", 14, _runs),
            ("metrics", 6, _metrics),
            ("latest_metrics", 6, _latest_metrics),
            ("params", 3, _params),
            ("tags", 3, _tags),
        ):
            marks = ", ".join("?" * width)
            lines = (line for number in range(count) for line in rows(document(number)))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", lines)  # noqa: S608
        connection.execute("ANALYZE")


def _runs(one: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    started, ended = (
        int(datetime.fromisoformat(one["status"][name]).timestamp() * 1000) for name in ("started_at", "ended_at")
    )
    identity = one["identity"]
    user, name, run_id = identity["created_by"], identity["name"], one["run_id"]
    yield (
        run_id,
        name,
        "JOB",
        "",
        "",
        user,
        "FINISHED",
        started,
        ended,
        "",
        "active",
        f"s3://mlflow/{run_id}",
        0,
        None,
    )


def _metrics(one: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield from ((name, metric["value"], 0, one["run_id"], 0, 0) for name, metric in one["metrics"].items())


def _latest_metrics(one: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield from ((name, metric["value"], 0, 0, 0, one["run_id"]) for name, metric in one["metrics"].items())


def _params(one: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield from ((name, value, one["run_id"]) for name, value in one["algorithm"]["hyperparameters"].items())


def _tags(one: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    tags = {**one["tags"], "mlflow.source.git.commit": one["code"]["commit"], "mlflow.runName": one["identity"]["name"]}
    yield from ((name, value, one["run_id"]) for name, value in tags.items())
