"""Rows a second of `score.py` in a processing job and of a transform job of the engine, beside `model.predict` on the same rows.

"Directly" is what one writes by hand: read the Parquet files, one `model.predict` for all rows, write Parquet. A rate of the steady state
leaves out what a job does once, whatever its size: starting, downloads, imports, loading the model. Processor seconds are of all threads,
from a process's start: on a machine that others use, they tell what the seconds cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import mllocal
from benchmarks.embedded import BUCKET, IMAGE, ROLE, engine, run_directly, upload_directory, wait
from benchmarks.scored_rows import PREDICTION, ROWS, SCRIPTS, Scored, archive, make, prepare
from benchmarks.timing import Sample, measure

_LOCAL = "/opt/ml/processing"
_DIRECT = """
import json, sys, time
model_directory, source, target = sys.argv[1:]
sys.path.insert(0, model_directory + "/code")
import inference, pandas as pd
model = inference.model_fn(model_directory)
began = time.perf_counter()
table = pd.read_parquet(source)
features = table.iloc[:, 1:].to_numpy(float)
read = time.perf_counter()
predictions = inference.predict_fn(features, model)
predicted = time.perf_counter()
pd.DataFrame({"time": table.iloc[:, 0], "prediction": predictions}).to_parquet(target)
ended = time.perf_counter()
(peak,) = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(json.dumps({"predict": predicted - read, "all": ended - began, "cpu": time.process_time(), "peak": peak * 1024}))
"""


@dataclass
class Measured:
    """What the subjects of one model measured themselves, run by run."""

    predict: list[float] = field(default_factory=list)
    steady: list[float] = field(default_factory=list)
    cpu: dict[str, list[float]] = field(default_factory=lambda: {"direct": [], "score": []})
    peak: dict[str, list[float]] = field(default_factory=lambda: {"direct": [], "score": []})

    def note(self, name: str, cpu: float, peak: float) -> None:
        self.cpu[name].append(cpu)
        self.peak[name].append(peak)


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Measure and print."""
    scored = make(scratch)
    prepared = measure({"prepare": lambda: prepare(scored, scratch)}, repetitions=repetitions)["prepare"]
    megabytes = scored.csv.stat().st_size / 1e6
    console.print(
        f"prepare_parts.py, {ROWS:,} rows of CSV ({megabytes:.0f} MB) to Parquet parts with checks and profiles: {prepared} s"
    )
    with engine(scratch) as running:
        upload_directory(running, SCRIPTS, "scripts")
        upload_directory(running, scored.parts, "parts")
        running.client("s3").upload_file(str(scored.csv), BUCKET, "input/rows.csv")
        for place, (name, model) in enumerate(scored.models.items()):
            jobs = _Jobs(running, f"model-{place}", model)
            measured, numbers = Measured(), iter(range(1000))

            def direct(model: Path = model, measured: Measured = measured) -> float:
                return _directly(model, scored, scratch / "direct.parquet", measured)

            def score(jobs: _Jobs = jobs, numbers: Iterator[int] = numbers, measured: Measured = measured) -> float:
                return jobs.score(next(numbers), measured)

            def transform(jobs: _Jobs = jobs, numbers: Iterator[int] = numbers) -> float:
                return jobs.transform(next(numbers))

            subjects: dict[str, Callable[[], float]] = {"direct": direct, "score": score, "transform": transform}
            _print(console, name, scored, measure(subjects, repetitions=repetitions), measured)


def _directly(model: Path, scored: Scored, target: Path, measured: Measured) -> float:
    found: dict[str, float] = json.loads(run_directly("-c", _DIRECT, model, scored.parts, target))
    measured.predict.append(found["predict"])
    measured.note("direct", found["cpu"], found["peak"])
    return found["all"]


class _Jobs:
    """Jobs of one model. Each writes under a prefix of its own."""

    def __init__(self, running: mllocal.Engine, name: str, model: Path) -> None:
        self._name = name
        self._s3, self._sagemaker = running.client("s3"), running.client("sagemaker")
        self._s3.put_object(Bucket=BUCKET, Key=f"{name}/model.tar.gz", Body=archive(model))
        serving = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{name}/model.tar.gz", "Environment": serving}
        self._sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)

    def score(self, number: int, measured: Measured) -> float:
        """Run score.py as the step Score does; seconds from the job's creation to its end."""
        name = f"{self._name}-score-{number}"
        inputs = {"scripts": "scripts", "model": f"{self._name}/model.tar.gz", "parts": "parts"}
        outputs = ("out", "usage", "aside")
        self._sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=ROLE,
            AppSpecification={
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", f"{_LOCAL}/input/scripts/score.py"],
                "ContainerArguments": [
                    *("--parts", f"{_LOCAL}/input/parts", "--model", f"{_LOCAL}/input/model"),
                    *("--output", f"{_LOCAL}/output/out", "--usage", f"{_LOCAL}/output/usage"),
                    *("--set-aside", f"{_LOCAL}/output/aside", "--prediction-columns", PREDICTION),
                ],
            },
            ProcessingInputs=[_input(key, prefix) for key, prefix in inputs.items()],
            ProcessingOutputConfig={"Outputs": [_output(key, f"{name}/{key}") for key in outputs]},
            ProcessingResources={
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
        )
        describe = self._sagemaker.describe_processing_job
        job = wait(describe, "ProcessingJobStatus", "Completed", ProcessingJobName=name)
        usage = json.loads(self._read(f"{name}/usage/usage-algo-1.json"))
        assert usage["rows"] == ROWS, f"the job scored {usage['rows']} rows, not {ROWS}"
        measured.steady.append(usage["seconds"] - usage["load_seconds"])
        measured.note("score", usage["cpu_seconds"], usage["peak_memory_bytes"])
        return float((job["ProcessingEndTime"] - job["CreationTime"]).total_seconds())

    def transform(self, number: int) -> float:
        """Run a transform job on the same rows as CSV; seconds from its creation to its end."""
        name = f"{self._name}-transform-{number}"
        self._sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=self._name,
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/input/"}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={"S3OutputPath": f"s3://{BUCKET}/{name}", "Accept": "text/csv", "AssembleWith": "Line"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            BatchStrategy="MultiRecord",
            DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        )
        describe = self._sagemaker.describe_transform_job
        job = wait(describe, "TransformJobStatus", "Completed", TransformJobName=name)
        lines = self._read(f"{name}/rows.csv.out").count(b"\n")
        assert lines == ROWS, f"the transform wrote {lines} rows, not {ROWS}"
        return float((job["TransformEndTime"] - job["CreationTime"]).total_seconds())

    def _read(self, key: str) -> bytes:
        content: bytes = self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content


def _input(name: str, prefix: str) -> dict[str, Any]:
    location = {"S3Uri": f"s3://{BUCKET}/{prefix}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**location, "LocalPath": f"{_LOCAL}/input/{name}"}}


def _output(name: str, prefix: str) -> dict[str, Any]:
    location = {"S3Uri": f"s3://{BUCKET}/{prefix}", "S3UploadMode": "Continuous"}
    return {"OutputName": name, "S3Output": {**location, "LocalPath": f"{_LOCAL}/output/{name}"}}


def _print(console: Console, name: str, scored: Scored, samples: dict[str, Sample], measured: Measured) -> None:
    direct = samples["direct"]
    title = f"{ROWS:,} rows for {name}, seconds (min / median / max); as float64 they take {scored.decoded_bytes / 2**20:.0f} MiB"
    table = Table(title=title, title_justify="left")
    for column in ("what", "seconds", "rows/s", "share of the direct rate", "processor s", "peak MiB"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, sample, process in (
        ("model.predict alone", Sample(tuple(measured.predict)), None),
        ("read Parquet, model.predict, write Parquet", direct, "direct"),
        ("score.py, steady state", Sample(tuple(measured.steady)), None),
        ("score.py, the whole job from creation to end", samples["score"], "score"),
        ("transform job, from creation to end", samples["transform"], None),
    ):
        own = (
            ("", "")
            if process is None
            else (
                f"{Sample(tuple(measured.cpu[process])).median:.1f}",
                f"{max(measured.peak[process]) / 2**20:.0f}",
            )
        )
        table.add_row(what, str(sample), f"{ROWS / sample.median:,.0f}", f"{direct.median / sample.median:.2f}", *own)
    console.print(table)
