"""Scripts as teams write them, and how some are to end."""

from __future__ import annotations

RESIDUALS = """
import sys
from mlplatform import track

with track("residuals", question="Does age alone do?", project="used-cars", tags={"team": "pricing"}) as run:
    data = run.input("train", "data/train.csv")
    run.params(depth=int(sys.argv[1]), loss="squared")
    run.seed(7)
    for step in range(3):
        run.metric("rmse", 50 - step, step=step)
    run.metric("r2", 0.5)
    with open("model.txt", "w") as model:
        model.write(data.read_text().upper())
    run.output("model", "model.txt")
    run.note("Age does most of it.", kind="interpretation")
"""

AUTOLOGGED = """
import mlflow
import numpy as np
from sklearn.linear_model import SGDRegressor
from mlplatform import track

mlflow.sklearn.autolog(log_models=False, log_datasets=False)
with track("autologged") as run:
    rows = np.arange(20.0).reshape(-1, 1) / 20
    SGDRegressor(random_state=5, alpha=0.01).fit(rows, rows[:, 0])
"""

FROM_S3 = """
from mlplatform import track
with track("from-s3") as run:
    directory = run.input("train", "s3://data/train/")
    print(sorted((str(it.relative_to(directory)), it.read_text()) for it in directory.rglob("*.csv")))
    print(run.input("one", "s3://data/train/a.csv").read_text())
    print(run.input_uri("query", "s3://data/train/"))
"""

SWEEPS = """
from mlplatform import track

@track(project="sweeps")
def fit(depth, run, rate=0.1, data=(1, 2)):
    run.metric("score", depth * rate)
    return depth

assert [fit(depth) for depth in (1, 2)] == [1, 2]

@track("outer")
def outer():
    return fit(3, rate=1.0)

outer()
"""

ENDINGS = {
    "raise ValueError('no such column: price')": ("Failed", "ValueError: no such column: price"),
    "raise ConnectionError('postgres://u:hunter2@db/x')": ("Failed", "ConnectionError: postgres://*** masked"),
    "raise KeyboardInterrupt": ("Stopped", "KeyboardInterrupt"),
    "sys.exit(3)": ("Failed", "SystemExit: 3"),
    "sys.exit(0)": ("Completed", None),
    "os.kill(os.getpid(), signal.SIGTERM)": ("Stopped", "Terminated: 143"),
}
"""What a script does, and the state and the reason that are recorded."""
EVERY_ENDING = f"""
import os, signal, sys
from mlplatform import track

passed_on = 0
for ending in {list(ENDINGS)}:
    try:
        with track(ending) as run:
            run.metric("rmse", 1.5)
            exec(ending)
    except BaseException:
        passed_on += 1
assert passed_on == {len(ENDINGS)}
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
"""

MISTAKES = {
    "run.input('data', 'nowhere.csv')": "nowhere.csv is not there",
    "run.input('data', 's3://records/nothing')": "there is no object at s3://records/nothing",
    "run.input('data', 's3://')": "'s3://' is no place in S3; use s3://<bucket>/<key>",
    "run.note('x', kind='idea')": "a note is no 'idea'; use one of question, interpretation, decision, note",
    "[run.input('a', Path('a')) for text in '12' if Path('a').write_text(text)]": "has other content now; give it another name",
}
"""What a script does, and a part of the sentence that it is told."""
EVERY_MISTAKE = f"""
from pathlib import Path
from mlplatform import TrackError, track
with track("x") as run:
    for mistake in {list(MISTAKES)}:
        try:
            exec(mistake)
        except TrackError as error:
            print(error)
"""
