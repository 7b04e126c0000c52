"""What the throughput benchmark scores: a million rows as CSV and as prepared parts, and two models in archives."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.embedded import DATA, JOBS, run_directly

SCRIPTS = JOBS.parents[2] / "constructs/mlplatform/batch_inference/runtime/jobs"
ROWS = 1_000_000
FORECAST, REGRESSION = "the demo's forecast", "a regression, 300 trees of 31 leaves"
PREDICTION = "prediction"

# Reads the week's features and writes as many rows as asked for, each value a little moved, so that no two rows are alike.
_MANY = """
import sys
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.csv as csv
source, target, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
week = pd.read_csv(source, header=None)
numbers = week.iloc[:, 1:].to_numpy(float)
times = week[0].to_numpy(str)
random = np.random.default_rng(0)
with pa.OSFile(target, "wb") as file:
    for start in range(0, rows, 100_000):
        places = np.arange(start, min(start + 100_000, rows)) % len(week)
        moved = np.round(numbers[places] * random.uniform(0.8, 1.2, (len(places), numbers.shape[1])), 3)
        columns = {"time": pa.array(times[places])} | {str(place): moved[:, place] for place in range(moved.shape[1])}
        csv.write_csv(pa.table(columns), file, csv.WriteOptions(include_header=False, quoting_style="none"))
"""
_TRAIN = """
import sys
import joblib, numpy as np, pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
source, target = sys.argv[1:]
rows = pd.read_csv(source, header=None, nrows=50_000).iloc[:, 1:].to_numpy(float)
wanted = np.sqrt(np.abs(rows[:, 4])) * rows[:, 0] + rows[:, 6] * np.sin(rows[:, 5])
model = HistGradientBoostingRegressor(max_iter=300, max_leaf_nodes=31, early_stopping=False, random_state=0)
joblib.dump(model.fit(rows, wanted), target)
"""
_SERVE = """
import joblib, os

def model_fn(directory):
    return joblib.load(os.path.join(directory, "model.joblib"))

def predict_fn(rows, model):
    return model.predict(rows)
"""


@dataclass(frozen=True)
class Scored:
    """The rows, and the directories of the models by what they are called."""

    csv: Path
    parts: Path
    models: dict[str, Path]

    @property
    def decoded_bytes(self) -> int:
        """What the features take as float64."""
        return ROWS * 11 * 8


def make(scratch: Path) -> Scored:
    """Train both models, write the rows and prepare them."""
    folders = {name: scratch / name for name in ("train", "test", "forecast", "week", "regression")}
    train_and_test = ("--output-train", folders["train"], "--output-test", folders["test"])
    run_directly(JOBS / "features.py", "--input", DATA, *train_and_test)
    run_directly(JOBS / "train.py", "--train", folders["train"], "--model-dir", folders["forecast"])
    run_directly(JOBS / "prepare.py", "--input", DATA, "--output", folders["week"])
    raw = scratch / "raw"
    raw.mkdir()
    run_directly("-c", _MANY, folders["week"] / "week.csv", raw / "rows.csv", str(ROWS))
    (folders["regression"] / "code").mkdir(parents=True)
    run_directly("-c", _TRAIN, raw / "rows.csv", folders["regression"] / "model.joblib")
    (folders["regression"] / "code" / "inference.py").write_text(_SERVE, encoding="utf-8")
    scored = Scored(
        raw / "rows.csv", scratch / "parts", {FORECAST: folders["forecast"], REGRESSION: folders["regression"]}
    )
    prepare(scored, scratch)
    return scored


def prepare(scored: Scored, scratch: Path) -> None:
    """Make the parts, as the step PrepareInput does after the team's own script."""
    places = ("--raw", scored.csv.parent, "--output", scored.parts, "--report", scratch / "report")
    run_directly(SCRIPTS / "prepare_parts.py", *places, "--set-aside", scratch / "aside", "--key-columns", "time")


def archive(model: Path) -> bytes:
    """A model's directory as model.tar.gz."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as file:
        file.add(model, arcname=".")
    return content.getvalue()
