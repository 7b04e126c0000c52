"""What events leave open, and SageMaker is asked for: tags, who started an execution and with what, final metrics, origins.

Asked for each record that lacks it. What was deleted meanwhile stays open.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from mlrecords.masking import masked
from mlrecords.observations import Observation, facts_of, merged, order_of
from mlrecords.record import Environment, Image, RunRecord
from mlrecords.states import is_over

from .details import (
    EXECUTION_TAG,
    GONE,
    Parts,
    created_by,
    data,
    first,
    metric,
    model_parents,
    parent,
    request_of,
    tags_in,
)
from .pipelines import pipeline_name

# Where a training job puts its model: <S3OutputPath>/<job>/output/model.tar.gz.
_MODEL_OF_JOB = re.compile(r"/([^/]+)/output/model\.tar\.gz$")


def asked(record: RunRecord, *, sagemaker: Any, now: datetime) -> Observation | None:
    """SageMaker's answers to what the record leaves open; None when there are none."""
    facts: dict[str, Any] = {}
    for question in (_tags, *_QUESTIONS.get(record.identity.kind, ())):
        try:
            facts = merged(facts, facts_of(question(record, sagemaker)))
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
    facts = {name: value for name, value in facts.items() if value}
    if not facts:
        return None
    order = order_of(int(now.timestamp() * 1000))
    return Observation(run_id=record.run_id, source="pin", order=order, facts=facts, is_pin=True)


def _tags(record: RunRecord, sagemaker: Any) -> Parts:
    """The tags of a resource whose events have none; `project` names the experiment."""
    arn = _taggable_arn(record)
    if record.identity.project is not None or arn is None:
        return {}
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    tags = tags_in([tag for page in pages for tag in page["Tags"]])
    return {
        "identity": {"project": tags.get("project")},
        "tags": tags,
        "parents": parent("execution", tags.get(EXECUTION_TAG)),
    }


def _taggable_arn(record: RunRecord) -> str | None:
    """The ARN that carries the tags: of the pipeline for an execution and its steps, of the group for a model version."""
    arn = _execution_of(record) if record.identity.kind == "pipeline-step" else record.identity.arn
    if record.identity.kind == "model-package" and arn:
        return arn.replace(":model-package/", ":model-package-group/").rpartition("/")[0]
    return arn and arn.partition("/execution/")[0]


def _execution(record: RunRecord, sagemaker: Any) -> Parts:
    """What an execution was started with."""
    arn = record.identity.arn
    if arn is None or "PipelineParameters" in record.request:
        return {}
    found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(PipelineExecutionArn=arn)
    parameters = [parameter for page in pages for parameter in page["PipelineParameters"]]
    return {
        "request": {**masked({"PipelineParameters": parameters}), **request_of("StartPipelineExecution", found)},
    }


def _who(record: RunRecord, sagemaker: Any) -> Parts:
    """Who started the execution that a run is, or is part of: a person, or the pipeline's role."""
    arn = record.identity.arn if record.identity.kind == "pipeline-execution" else _execution_of(record)
    if record.identity.created_by is not None or arn is None:
        return {}
    found = created_by(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
    role = found or sagemaker.describe_pipeline(PipelineName=pipeline_name(arn)).get("RoleArn")
    return {"identity": {"created_by": role}}


def _execution_of(record: RunRecord) -> str | None:
    return next((found.arn for found in record.parents.values() if found.relation == "execution"), None)


def _final_metrics(record: RunRecord, sagemaker: Any) -> Parts:
    """The metrics that SageMaker read out of the log of a training job that is over."""
    if record.metrics or not is_over(record.status.state):
        return {}
    job = sagemaker.describe_training_job(TrainingJobName=record.identity.name)
    return {"metrics": {found["MetricName"]: metric(found["Value"]) for found in job.get("FinalMetricDataList", [])}}


def _training_of_model(record: RunRecord, sagemaker: Any) -> Parts:
    """The training job whose output a model version is."""
    uri = record.outputs["model"].uri if "model" in record.outputs else ""
    named = _MODEL_OF_JOB.search(uri)
    if named is None or any(found.relation == "job" for found in record.parents.values()):
        return {}
    job = sagemaker.describe_training_job(TrainingJobName=named[1])
    is_its_output = job["ModelArtifacts"]["S3ModelArtifacts"] == uri
    return {"parents": parent("job", job["TrainingJobArn"] if is_its_output else None)}


def _model_of_transform(record: RunRecord, sagemaker: Any) -> Parts:
    """The image and the model data of a transform job, and the model version that they are of."""
    if record.environment.image is not None:
        return {}
    return _model(str(record.request["ModelName"]), sagemaker)


def _models_of_endpoint(record: RunRecord, sagemaker: Any) -> Parts:
    """What an endpoint serves, by its configuration."""
    name = record.request.get("EndpointConfigName")
    if name is None or any(found.relation == "model" for found in record.parents.values()):
        return {}
    found = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    models = [variant["ModelName"] for variant in found["ProductionVariants"] if "ModelName" in variant]
    parts: Parts = {}
    for model in reversed(models):  # The first variant's image is the endpoint's.
        parts = merged(parts, facts_of(_model(model, sagemaker)))
    return parts


def _model(name: str, sagemaker: Any) -> Parts:
    model = sagemaker.describe_model(ModelName=name)
    container = model.get("PrimaryContainer") or first(model.get("Containers"))
    package = container.get("ModelPackageName")
    if package is not None:
        described = sagemaker.describe_model_package(ModelPackageName=package)
        container = {**described["InferenceSpecification"]["Containers"][0], **container}
    image = container.get("Image")
    return {
        "identity": {"created_by": model.get("ExecutionRoleArn")},
        "environment": Environment(image=Image(uri=image, digest=container.get("ImageDigest")) if image else None),
        "inputs": {"model": data(container.get("ModelDataUrl"), "model")},
        "parents": model_parents(package),
    }


_QUESTIONS: Mapping[str, tuple[Callable[[RunRecord, Any], Parts], ...]] = {
    "pipeline-execution": (_who, _execution),
    "pipeline-step": (_who,),
    "training-job": (_final_metrics,),
    "model-package": (_who, _training_of_model),
    "transform-job": (_model_of_transform,),
    "endpoint": (_models_of_endpoint,),
}
