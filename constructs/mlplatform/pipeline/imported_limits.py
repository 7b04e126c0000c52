"""What a pipeline may name, and what it is granted: all that the project's roles may not use is told at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mlpipelines import JsonObject, iter_steps
from mlpipelines.imported import Place, texts
from mlplatform.pipeline.check_permissions import allow_checks
from mlplatform.policy import Statement
from mlplatform.project import MlProject

_ROLE = re.compile(r"arn:[\w-]+:iam::(?P<account>\d{12}):role/\S+")
_BUCKET = re.compile(r"s3://(?P<bucket>[^/\s\"']+)")
_QUEUE = re.compile(r"https://sqs\.(?P<region>[\w-]+)\.[\w.]+/(?P<account>\d{12})/(?P<name>[\w.-]+)")
_IMAGES = frozenset({"ImageUri", "TrainingImage", "Image"})
_FUNCTION_STEP = "/opt/ml/input/data/sagemaker_remote_function_bootstrap/job_driver.sh"


def problems_outside(definition: JsonObject, project: MlProject) -> Iterator[str]:
    """A sentence for each role, bucket and group that is not the project's, and each step that cannot be imported."""
    yield from _function_steps(definition)
    places = texts(definition)
    buckets = _buckets_of(project)
    for before, place in zip([None, *places], places, strict=False):
        if (role := _ROLE.fullmatch(place.text)) and place.text not in project.job_role_arns:
            yield (
                f"{place}: role {place.text} is of account {role['account']} and not one of the project's job roles; build the "
                "pipeline with `session.job_role_arn`, or map the role in `replacements`"
            )
        for bucket in _buckets(before, place):
            if bucket not in buckets:
                yield (
                    f"{place}: bucket '{bucket}' is not the project's, so its jobs may not use it; take "
                    "`session.default_bucket()`, map it in `replacements`, or, to read only, name the prefix in `reads`"
                )
        if place.member == "SqsQueueUrl" and not _QUEUE.fullmatch(place.text) and not _may_send(project):
            yield (
                f"{place}: synthesis does not know the queue's ARN, and without it pipelines may not send to it; give "
                "`project.pipeline_role.allow(...)` a Statement with sqs:SendMessage on the queue"
            )
        if place.member == "ModelPackageGroupName" and place.text not in (project.model_package_group_name, ""):
            yield (
                f"{place}: model package group '{place.text}' is not the project's '{project.model_package_group_name}'; "
                "use `session.model_package_group_name`, or map it in `replacements`"
            )


def _buckets_of(project: MlProject) -> set[str]:
    """The buckets in which the project's jobs may do anything: its own, and those of assets and of `reads`."""
    arn = f"arn:{project.partition}:s3:::"
    roles = (project.training_job_role, project.inference_job_role)
    resources = (resource for role in roles for statement in role.statements for resource in statement.resources)
    return {resource.removeprefix(arn).split("/", 1)[0] for resource in resources if resource.startswith(arn)}


def _may_send(project: MlProject) -> bool:
    return any("sqs:SendMessage" in statement.actions for statement in project.pipeline_role.statements)


def _buckets(before: Place | None, place: Place) -> list[str]:
    """The buckets that a text names; the SDK also joins them, as `"s3:/"` and then the bucket."""
    joined = before is not None and before.text == "s3:/" and before.path == place.path
    return [place.text] if joined else [match["bucket"] for match in _BUCKET.finditer(place.text)]


def _function_steps(definition: JsonObject) -> Iterator[str]:
    for step in iter_steps(definition):
        if _FUNCTION_STEP in str(step.get("Arguments")) or "--s3_base_uri" in str(step.get("Arguments")):
            yield (
                f"step '{step.get('Name')}' is a function of @step: the SDK signs it with a key and a time of its own at "
                "each synthesis, and its job writes where its code lies; put it into a script with a ProcessingStep"
            )


def allow_what_it_names(definition: JsonObject, project: MlProject) -> None:
    """Let the pipeline invoke its functions, write to its queues, tune and check, and its jobs pull images and ask models."""
    places = texts(definition)
    for image in dict.fromkeys(place.text for place in places if place.member in _IMAGES):
        project.allow_jobs_to_pull(image)
    functions = dict.fromkeys(place.text for place in places if place.member == "FunctionArn")
    if functions:
        project.allow_pipeline_to_invoke(*functions)
    queues = [match for place in places if place.member == "SqsQueueUrl" and (match := _QUEUE.fullmatch(place.text))]
    if queues:
        arns = dict.fromkeys(
            f"arn:{project.partition}:sqs:{it['region']}:{it['account']}:{it['name']}" for it in queues
        )
        project.pipeline_role.allow(Statement(sid="SendCallbacks", actions=["sqs:SendMessage"], resources=list(arns)))
    if any(step.get("Type") == "Tuning" for step in iter_steps(definition)):
        project.allow_pipeline_to_tune()
    allow_checks(definition, project)


def read_statements(project: MlProject, uris: Sequence[str]) -> list[Statement]:
    """What lets jobs read prefixes of other buckets."""
    if not uris:
        return []
    paths = sorted(uri.removeprefix("s3://").rstrip("*") for uri in uris)
    buckets = sorted({path.split("/", 1)[0] for path in paths})
    return [
        Statement(
            sid="ReadImportedInputs",
            actions=["s3:GetObject"],
            resources=[f"arn:{project.partition}:s3:::{path if '/' in path else path + '/'}*" for path in paths],
            wildcard_reason="the pipeline names prefixes, and reads the objects below them",
        ),
        Statement(
            sid="FindImportedInputs",
            actions=["s3:ListBucket"],
            resources=[f"arn:{project.partition}:s3:::{bucket}" for bucket in buckets],
        ),
    ]
