"""What a step of a pipeline costs in the engine beside the same script called directly."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.embedded import DATA, IMAGE, JOBS, ROLE, engine, run_directly, upload_directory, wait
from benchmarks.timing import Sample, measure, ratio
from mlpipelines import Pipeline, ProcessingInput, ProcessingOutput, ProcessingStep

NAME = "step-overhead"
INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
DIRECT, EXECUTION = "the script, called directly", "the execution, from the request to its end"


def run(console: Console, scratch: Path, *, repetitions: int) -> None:
    """Measure and print."""
    with engine(scratch) as running:
        code = upload_directory(running, JOBS, "code")
        data = upload_directory(running, DATA, "data")
        sagemaker = running.client("sagemaker")
        sagemaker.create_pipeline(
            PipelineName=NAME,
            PipelineDefinition=pipeline(code, data).render(),
            RoleArn=ROLE,
            ClientRequestToken=NAME.ljust(32, "-"),
        )
        steps: list[float] = []

        def directly() -> None:
            run_directly(JOBS / "validate.py", "--input", DATA, "--output", scratch / "direct")

        def embedded() -> float:
            began = time.time()
            arn = sagemaker.start_pipeline_execution(PipelineName=NAME)["PipelineExecutionArn"]
            describe = sagemaker.describe_pipeline_execution
            execution = wait(describe, "PipelineExecutionStatus", "Succeeded", PipelineExecutionArn=arn)
            step = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"][0]
            steps.append((step["EndTime"] - step["StartTime"]).total_seconds())
            return float(execution["LastModifiedTime"].timestamp()) - began

        subjects = {DIRECT: directly, EXECUTION: embedded}
        measure(subjects, repetitions=1)
        steps.clear()
        samples = measure(subjects, repetitions=3 * repetitions)  # they are short
    _print(console, samples, Sample(tuple(steps)))


def pipeline(code: str, data: str) -> Pipeline:
    """One processing step that validates the example's data, as its training pipeline does first."""
    step = ProcessingStep(
        name="ValidateData",
        image_uri=IMAGE,
        role_arn=ROLE,
        instance_type="ml.m5.large",
        entrypoint=("python3", f"{INPUT}/code/validate.py"),
        arguments=("--input", f"{INPUT}/data", "--output", OUTPUT),
        inputs=(
            ProcessingInput(name="code", s3_uri=code, local_path=f"{INPUT}/code"),
            ProcessingInput(name="data", s3_uri=data, local_path=f"{INPUT}/data"),
        ),
        outputs=(ProcessingOutput(name="validation", s3_uri=f"{data}-validation", local_path=OUTPUT),),
    )
    return Pipeline(name=NAME, steps=(step,))


def _print(console: Console, samples: dict[str, Sample], step: Sample) -> None:
    direct = samples[DIRECT]
    table = Table(title="One processing step, seconds (min / median / max)", title_justify="left")
    for column in ("what", "seconds", "overhead, median of the turns", "ratio"):
        table.add_column(column, justify="left" if column == "what" else "right")
    table.add_row(DIRECT, str(direct), "", "1.00")
    for name, sample in (("the step, from its start to its end", step), (EXECUTION, samples[EXECUTION])):
        table.add_row(name, str(sample), f"{sample.median_over(direct) * 1000:+.0f} ms", ratio(sample, direct))
    console.print(table)
