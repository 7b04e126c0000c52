"""The SDK's own words, shortened: what every pipeline of these tests is written with."""

from __future__ import annotations

from typing import Any

from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output

REGION = "us-east-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
MACHINE = {"instance_count": 1, "instance_type": "ml.m5.large"}


def processing_input(name: str, uri: Any, path: str) -> ProcessingInput:
    """An input of a processing job: files below an S3 prefix."""
    source = ProcessingS3Input(s3_uri=uri, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=source)


def processing_output(name: str, path: str, uri: Any) -> ProcessingOutput:
    """An output of a processing job, uploaded when it ends."""
    target = ProcessingS3Output(s3_uri=uri, local_path=path, s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=target)


def shell(session: Any, role: str, script: str, **options: Any) -> Processor:
    """A processor that runs a line of shell."""
    return Processor(
        role=role, image_uri=IMAGE, entrypoint=["sh", "-c", script], sagemaker_session=session, **MACHINE, **options
    )
