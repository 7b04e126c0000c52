"""Rows a second through a batch transform job of the engine, beside `model.predict` on the same file."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import mllocal
from benchmarks.embedded import BUCKET, DATA, IMAGE, JOBS, ROLE, engine, run_directly, wait
from benchmarks.timing import Sample, measure

ROWS = 100_000
# What one writes by hand: read the file, predict, write key and prediction.
_DIRECT = """
import json, sys, time
code, model_directory, source, target = sys.argv[1:]
sys.path.insert(0, code)
import inference, pandas as pd
model = inference.model_fn(model_directory)
began = time.perf_counter()
table = pd.read_csv(source, header=None)
features = table.iloc[:, 1:].to_numpy(float)
read = time.perf_counter()
forecast = model.predict(features)
predicted = time.perf_counter()
pd.DataFrame({0: table[0], 1: forecast}).to_csv(target, header=False, index=False)
print(json.dumps({"predict": predicted - read, "all": time.perf_counter() - began}))
"""


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Measure and print."""
    model, source = train(scratch), scratch / "rows.csv"
    predict_seconds: list[float] = []

    def directly() -> float:
        printed = run_directly("-c", _DIRECT, model / "code", model, source, scratch / "direct.csv")
        seconds: dict[str, float] = json.loads(printed)
        predict_seconds.append(seconds["predict"])
        return seconds["all"]

    with engine(scratch) as running:
        sagemaker = running.client("sagemaker")
        deploy(running, model, source)
        numbers = iter(range(1000))
        subjects = {"direct": directly, "transform": lambda: transform(sagemaker, next(numbers))}
        measure(subjects, repetitions=1)
        predict_seconds.clear()
        samples = measure(subjects, repetitions=repetitions)
        written = running.client("s3").get_object(Bucket=BUCKET, Key="output/rows.csv.out")["Body"].read()
    lines = written.count(b"\n")
    assert lines == ROWS, f"the transform wrote {lines} rows, not {ROWS}"
    _print(console, Sample(tuple(predict_seconds)), samples)


def train(scratch: Path) -> Path:
    """Train the example's model, and write the rows to predict for: a week's features, over and over."""
    folders = {name: scratch / name for name in ("train", "test", "model", "prepared")}
    train_and_test = ("--output-train", folders["train"], "--output-test", folders["test"])
    run_directly(JOBS / "features.py", "--input", DATA, *train_and_test)
    run_directly(JOBS / "train.py", "--train", folders["train"], "--model-dir", folders["model"])
    run_directly(JOBS / "prepare.py", "--input", DATA, "--output", folders["prepared"])
    week = (folders["prepared"] / "week.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    rows = (week[number % len(week)] for number in range(ROWS))
    (scratch / "rows.csv").write_text("".join(rows), encoding="utf-8")
    return folders["model"]


def deploy(running: mllocal.Engine, model: Path, source: Path) -> None:
    """Upload the rows and the model, and create the model."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        file.add(model, arcname=".")
    s3 = running.client("s3")
    s3.put_object(Bucket=BUCKET, Key="model/model.tar.gz", Body=archive.getvalue())
    s3.upload_file(str(source), BUCKET, "input/rows.csv")
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{BUCKET}/model/model.tar.gz",
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        },
    }
    running.client("sagemaker").create_model(ModelName="throughput", ExecutionRoleArn=ROLE, PrimaryContainer=container)


def transform(sagemaker: Any, number: int) -> float:
    """Run one job as the batch-inference pipeline does; seconds from its creation to its end."""
    name = f"throughput-{number}"
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="throughput",
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/input/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={
            "S3OutputPath": f"s3://{BUCKET}/output",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        BatchStrategy="MultiRecord",
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    job = wait(sagemaker.describe_transform_job, "TransformJobStatus", "Completed", TransformJobName=name)
    return float((job["TransformEndTime"] - job["CreationTime"]).total_seconds())


def _print(console: Console, predict: Sample, samples: dict[str, Sample]) -> None:
    direct, embedded = samples["direct"], samples["transform"]
    table = Table(title=f"Prediction for {ROWS:,} rows, seconds (min / median / max)", title_justify="left")
    for column in ("what", "seconds", "rows/s", "share of the direct rate"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, sample in (
        ("model.predict alone", predict),
        ("read the file, model.predict, write", direct),
        ("transform job, from creation to end, with its server's start", embedded),
    ):
        rate = f"{ROWS / sample.median:,.0f}"
        table.add_row(what, str(sample), rate, f"{direct.median / sample.median:.2f}")
    console.print(table)
