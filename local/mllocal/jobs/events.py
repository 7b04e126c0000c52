"""State-change events of jobs and endpoints as SageMaker sends them to EventBridge: the Describe answer as detail."""

from __future__ import annotations

from mllocal.sagemaker import wire
from mllocal.sagemaker.kinds import Kind
from mllocal.sagemaker.store import Document

_TITLES = {
    "ProcessingJob": "Processing Job",
    "TrainingJob": "Training Job",
    "TransformJob": "Transform Job",
    "HyperParameterTuningJob": "HyperParameter Tuning Job",
    "Endpoint": "Endpoint",
}


def job_event(kind: Kind, document: Document) -> tuple[str, list[str], Document]:
    """Detail type, resources and detail of the event for a job's present state. Times are in milliseconds, as AWS sends them."""
    detail = wire.answer(f"Describe{kind.name}", document)
    milliseconds = {
        name: int(value * 1000) for name, value in detail.items() if name.endswith("Time") and isinstance(value, float)
    }
    tags = {tag["Key"]: tag["Value"] for tag in document.get("Tags", [])}
    return (
        f"SageMaker {_TITLES[kind.name]} State Change",
        [document[kind.arn_field]],
        {**detail, **milliseconds, "Tags": tags},
    )
