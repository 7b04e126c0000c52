"""A repository with experiments, and records of what ran there, written to a store as `mlplatform.track` has them written."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mlp.reproduce import python_environment, repository
from mlp.reproduce.judge import Judge
from mlp.reproduce.pinned import Pins
from mlp.reproduce.script import Script
from mlp.reproduce.verdict import Verdict
from mlrecords.canonical import canonical, digest
from mlrecords.codec import to_json
from mlrecords.observations import Observation, facts_of, order_of, run_id_of
from mlrecords.record import (
    Algorithm,
    Code,
    Data,
    DataListing,
    DataObject,
    Environment,
    Identity,
    Metric,
    Status,
)
from mlrecords.store import RecordStore
from tests.local.workbench import Workbench

EXPERIMENTS = Path(__file__).parent / "experiments"
LOCK = Path(python_environment.__file__).parents[3] / "local/mllocal/images/lightgbm_4_7_0/requirements.txt"
PACKAGES = ("numpy", "scipy", "scikit-learn", "joblib", "cloudpickle", "threadpoolctl", "narwhals", "lightgbm")
SERIES = Path(__file__).parents[3] / "examples/demand_forecast/data/bikeshare_hourly.csv"


@cache
def environment() -> Environment:
    """What the experiments run in: this Python, and versions that another part of the repository locks."""
    compiled = subprocess.run(
        [
            Path(sys.executable).with_name("uv"),
            "pip",
            "install",
            "--dry-run",
            "--no-deps",
            "--target",
            "/nowhere",
            "-r",
            LOCK,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = dict(line.split()[-1].split("==") for line in compiled.stderr.splitlines() if line.startswith(" + "))
    return Environment(
        python=platform.python_version(),
        packages={name: found[name] for name in PACKAGES},
        platform=platform.platform(),
    )


def git(directory: Path, *words: str) -> str:
    """What git prints; it knows an author."""
    author = {
        f"GIT_{role}_{what}": f"{role}@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", *words], cwd=directory, capture_output=True, text=True, check=True, env={**os.environ, **author}
    )
    return done.stdout.strip()


@dataclass
class Laboratory:
    """A team's remote, its working copy, its bucket, and the store with its records."""

    workbench: Workbench
    store: RecordStore
    home: Path

    @classmethod
    def create(cls, workbench: Workbench, home: Path) -> Laboratory:
        s3 = workbench.engine.client("s3")
        s3.put_bucket_versioning(Bucket=workbench.bucket, VersioningConfiguration={"Status": "Enabled"})
        laboratory = cls(workbench, RecordStore(s3, workbench.bucket), home)
        (laboratory.repository / "data").mkdir(parents=True)
        for path in EXPERIMENTS.iterdir():
            if path.suffix == ".py":
                shutil.copy(path, laboratory.repository)
        lines = SERIES.read_text().splitlines(keepends=True)
        (laboratory.repository / "data" / "hourly.csv").write_text("".join(lines[:2000]))
        (laboratory.repository / ".gitignore").write_text("data/\n*.gz\n*.joblib\nforecast.csv\n__pycache__/\n")
        git(home, "init", "--quiet", "--bare", "remote.git")
        git(laboratory.repository, "init", "--quiet", "--initial-branch=main")
        git(laboratory.repository, "remote", "add", "origin", str(laboratory.remote))
        laboratory.commit()
        return laboratory

    @property
    def repository(self) -> Path:
        return self.home / "working-copy"

    @property
    def remote(self) -> Path:
        return self.home / "remote.git"

    @property
    def s3(self) -> Any:
        return self.store.s3

    def commit(self) -> str:
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--allow-empty", "--message", "experiments")
        git(self.repository, "push", "--quiet", "--force", "origin", "main")
        return git(self.repository, "rev-parse", "HEAD")

    def listing(self, uri: str, *objects: DataObject, **more: Any) -> Data:
        """Data with its listing in the store."""
        content = canonical(to_json(DataListing(uri=uri, objects=objects)))
        return Data(uri=uri, version=digest(content), listing=self.store.keep(content), **more)

    def file(self, path: str, *, keep: bool = True) -> Data:
        """A file of the working copy, with its content in the store."""
        content = (self.repository / path).read_bytes()
        name = self.store.keep(content) if keep else digest(content)
        return self.listing(f"file:{path}", DataObject(key="", size_bytes=len(content), sha256=name))

    def object(self, uri: str) -> Data:
        """An object of S3 with its version."""
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        found = self.s3.head_object(Bucket=bucket, Key=key)
        item = DataObject(
            key="", size_bytes=found["ContentLength"], version_id=found["VersionId"], etag=found["ETag"].strip('"')
        )
        return self.listing(uri, item)

    def upload(self, key: str, path: str) -> Data:
        """A file of the working copy, put into the bucket."""
        return self.object(self.workbench.put(key, (self.repository / path).read_bytes()))

    def run(self, command: Sequence[str], variables: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What a script leaves that runs in the working copy, as it is."""
        private = self.home / "result"
        private.mkdir(exist_ok=True)
        built = python_environment.build(environment())
        done = subprocess.run(
            [built.python, *command],
            cwd=self.repository,
            env={"MLP_REPRODUCING": str(private), "PYTHONPYCACHEPREFIX": str(built.bytecode), **(variables or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads((private / "result.json").read_text())
        return document

    def record(
        self,
        command: Sequence[str],
        *,
        inputs: Mapping[str, Data] | None = None,
        seeds: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        code: Code | None = None,
        **facts: Any,
    ) -> str:
        """Run it and record it; the run's id. `facts` replace parts of the record."""
        result = self.run(command, variables)
        recorded = environment()
        parts = {
            "identity": Identity(kind="script", name=" ".join(command), project="laboratory"),
            "status": Status(state="Completed"),
            "environment": Environment(
                python=recorded.python,
                packages=recorded.packages,
                platform=recorded.platform,
                variables=variables or {},
            ),
            "code": code or self.code(command),
            "inputs": inputs or {},
            "outputs": {name: self.file(name) for name in result["outputs"]},
            "algorithm": Algorithm(seeds=seeds or {}),
            "metrics": {name: Metric(value=value) for name, value in result["metrics"].items()},
            **facts,
        }
        run_id = run_id_of(f"{self.workbench.bucket} {command} {sorted(facts)} {seeds}")
        observation = Observation(run_id=run_id, source="track", order=order_of(1), facts=facts_of(parts))
        self.store.observe([observation])
        return run_id

    def code(self, command: Sequence[str], **more: Any) -> Code:
        """The working copy's commit, on the remote."""
        commit = git(self.repository, "rev-parse", "HEAD")
        found = {"remote": str(self.remote), "commit": commit, "directory": ".", "dirty": False, **more}
        return Code(entry_point=tuple(command), **found)

    def judge(self, run_id: str, directory: Path, *, as_recorded: bool = False) -> Verdict:
        """The verdict on a script, run again in an empty directory, asked for from the working copy."""
        directory.mkdir()
        record = self.store.record(run_id)
        pins = Pins(self.store, self.s3, tuple(repository.work_trees(record.code, self.repository)))
        script = Script(record=record, pins=pins, directory=directory, here=self.repository)
        return Judge(subject=script, as_recorded=as_recorded).verdict()
