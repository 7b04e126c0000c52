"""The directories of a run's jobs, and its scripts called as SageMaker calls them or within the test's own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

JOBS = Path(__file__).parents[4] / "constructs/mlplatform/batch_inference/runtime/jobs"

# Adds the features up, and fails as real models do: on rows whose first feature is below zero.
SUMMING_MODEL = """
import numpy as np

def model_fn(directory):
    return None

def predict_fn(rows, model):
    values = np.asarray(rows, dtype=float)
    if (values[:, 0] < 0).any():
        raise ValueError("below zero")
    return values.sum(axis=1)
"""


@dataclass(frozen=True)
class ScoringJob:
    """The directories of one run."""

    root: Path

    def raw(self, name: str, content: str | bytes | pa.Table) -> None:
        """What the team's script leaves."""
        path = self.root / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pa.Table):
            pq.write_table(content, path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def model(self, script: str = SUMMING_MODEL) -> None:
        """A model that is its script."""
        path = self.root / "model" / "code" / "inference.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)

    def prepare_words(self, *words: str) -> list[str]:
        names = {"--raw": "raw", "--output": "prepared", "--report": "report", "--set-aside": "aside"}
        keys = [] if "--key-columns" in words else ["--key-columns", "time"]
        return [*self._places(names), *keys, *words]

    def score_words(self, *words: str) -> list[str]:
        names = {"--parts": "prepared", "--model": "model", "--output": "out", "--usage": "usage"}
        return [*self._places({**names, "--set-aside": "aside-scoring"}), *words]

    def prepare(self, *words: str) -> dict[str, Any]:
        """Prepare within this process; returns the report."""
        import prepare_parts

        return prepare_parts.prepare(prepare_parts.arguments(self.prepare_words(*words)))

    def score(self, *words: str) -> None:
        """Score within this process, with a model of this process's own."""
        import score

        sys.modules.pop("inference", None)
        path = list(sys.path)
        try:
            score.score(score.arguments(self.score_words(*words)), score.Interruption())
        finally:
            sys.path[:] = path
            sys.modules.pop("inference", None)

    def run(self, script: str, *words: str, python: str | Path = sys.executable) -> subprocess.CompletedProcess[str]:
        """Run a script as its job does."""
        given = self.prepare_words(*words) if script == "prepare_parts.py" else self.score_words(*words)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.run(
            [str(python), str(JOBS / script), *given], capture_output=True, text=True, check=False, env=environment
        )

    def message(self) -> str:
        """What the job left as its reason."""
        return (self.root / "message").read_text()

    def json(self, name: str) -> Any:
        return json.loads((self.root / name).read_text())

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Rows set aside."""
        path = self.root / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []

    def table(self, directory: str) -> pa.Table:
        """All parts of a directory, in order."""
        return pa.concat_tables(
            pq.ParquetFile(path).read() for path in sorted((self.root / directory).glob("*.parquet"))
        )

    def _places(self, names: dict[str, str]) -> list[str]:
        places = [word for flag, name in names.items() for word in (flag, str(self.root / name))]
        return [*places, "--message-file", str(self.root / "message")]


def table(rows: int, poison: set[int] = frozenset()) -> pa.Table:  # type: ignore[assignment]
    """Rows to score; the model fails on those in `poison`."""
    first = [-1.0 if row in poison else float(row) for row in range(rows)]
    return pa.table({"time": [f"t{row}" for row in range(rows)], "a": first, "b": [0.5] * rows})
