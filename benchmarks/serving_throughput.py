"""Rows a second through the platform's own serving image, CSV and Parquet, beside a direct `predict` over the same Parquet.

A gradient-boosted model of LightGBM, 20 features. Directly: one process with as many threads as there are cores, which reads all
parts at once, predicts and writes. Transform jobs pay for HTTP, for their server's start, and for S3.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.embedded import BUCKET, ROLE, engine, upload_directory, wait
from benchmarks.timing import Sample, measure
from mllocal.images import build, image_for

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlplatform-tabular:bench"
ROWS = 500_000
PARTS = 8
_MAKE = """
import json, pathlib, sys, tarfile
import lightgbm, numpy as np, pyarrow as pa, pyarrow.parquet as pq, pyarrow.csv as csv
root, rows, parts = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
dice = np.random.default_rng(7)
features = dice.normal(size=(rows, 20)).round(4)
target = features[:, 0] * 3 + np.sin(features[:, 1]) + features[:, 2] * features[:, 3]
model = lightgbm.train({"verbose": -1, "num_leaves": 63}, lightgbm.Dataset(features[:50000], target[:50000]), 300)
for name in ("model", "parquet", "csv"):
    (root / name).mkdir()
model.save_model(root / "model" / "model.txt")
with tarfile.open(root / "model.tar.gz", "w:gz") as archive:
    archive.add(root / "model" / "model.txt", arcname="model.txt")
about = {"mlplatform": json.dumps({"version": 1, "key_columns": ["key"], "named_features": False})}
for number, places in enumerate(np.array_split(np.arange(rows), parts)):
    columns = {"key": places, **{f"feature_{column}": features[places, column] for column in range(20)}}
    table = pa.table(columns).replace_schema_metadata(about)
    pq.write_table(table, root / "parquet" / f"part-{number:05}.parquet")
    csv.write_csv(table.drop_columns(["key"]), root / "csv" / f"part-{number:05}.csv", csv.WriteOptions(include_header=False))
"""
_DIRECT = """
import json, pathlib, sys, time
import lightgbm, numpy as np, pyarrow as pa, pyarrow.parquet as pq
root = pathlib.Path(sys.argv[1])
model = lightgbm.Booster(model_file=str(root / "model" / "model.txt"))
began = time.perf_counter()
table = pq.read_table(root / "parquet")
features = np.column_stack([column.to_numpy() for column in table.drop_columns(["key"]).columns])
read = time.perf_counter()
predicted = model.predict(features)
done = time.perf_counter()
pq.write_table(pa.table({"key": table.column("key"), "prediction": predicted}), root / "direct.parquet")
print(json.dumps({"predict": done - read, "all": time.perf_counter() - began}))
"""


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Measure and print."""
    image = image_for(IMAGE)
    build(image, lambda line: None)
    python = image.bin_directory / "python"
    _run(python, _MAKE, scratch, ROWS, PARTS)
    predict_seconds: list[float] = []

    def directly() -> float:
        seconds: dict[str, float] = json.loads(_run(python, _DIRECT, scratch))
        predict_seconds.append(seconds["predict"])
        return seconds["all"]

    with engine(scratch) as running:
        sagemaker, s3 = running.client("sagemaker"), running.client("s3")
        s3.upload_file(str(scratch / "model.tar.gz"), BUCKET, "model.tar.gz")
        for name in ("parquet", "csv"):
            upload_directory(running, scratch / name, name)
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
        sagemaker.create_model(ModelName="tabular", ExecutionRoleArn=ROLE, PrimaryContainer=container)
        numbers = iter(range(1000))
        samples = measure(
            {
                "direct": directly,
                "parquet": lambda: _transform(sagemaker, f"parquet-{next(numbers)}", "parquet"),
                "csv": lambda: _transform(sagemaker, f"csv-{next(numbers)}", "csv"),
            },
            repetitions=repetitions,
        )
    _print(console, Sample(tuple(predict_seconds)), samples)


def _transform(sagemaker: Any, name: str, folder: str) -> float:
    """One job; seconds from its creation to its end."""
    content_type = "text/csv" if folder == "csv" else "application/x-parquet"
    by_lines = {"SplitType": "Line"} if folder == "csv" else {"SplitType": "None"}
    assembled = {"AssembleWith": "Line"} if folder == "csv" else {}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="tabular",
        MaxPayloadInMB=6 if folder == "csv" else 50,
        TransformInput={
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{folder}/"}},
            "ContentType": content_type,
            **by_lines,
        },
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/out/{folder}", "Accept": content_type, **assembled},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        BatchStrategy="MultiRecord" if folder == "csv" else "SingleRecord",
    )
    job = wait(sagemaker.describe_transform_job, "TransformJobStatus", "Completed", TransformJobName=name)
    return float((job["TransformEndTime"] - job["CreationTime"]).total_seconds())


def _run(python: Path, code: str, *arguments: object) -> str:
    done = subprocess.run([str(python), "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"a part of the benchmark failed with exit code {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def _print(console: Console, predict: Sample, samples: dict[str, Sample]) -> None:
    direct = samples["direct"]
    table = Table(title=f"LightGBM, {ROWS:,} rows in {PARTS} parts, seconds (min / median / max)", title_justify="left")
    for column in ("what", "seconds", "rows/s", "share of the direct rate"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, sample in (
        ("model.predict alone, all cores", predict),
        ("read Parquet, model.predict, write Parquet", direct),
        ("transform job of Parquet parts, from creation to end", samples["parquet"]),
        ("transform job of the same rows in CSV", samples["csv"]),
    ):
        table.add_row(what, str(sample), f"{ROWS / sample.median:,.0f}", f"{direct.median / sample.median:.2f}")
    console.print(table)
