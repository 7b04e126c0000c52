"""Which run an event belongs to, and what it changes in it.

A SageMaker state change from EventBridge may come twice, late or out of order. Which run belongs to an
ARN is decided once, by a conditional write to S3, so two deliveries at the same moment cannot make two runs. A run only
moves forward: what an older event says fills gaps and replaces nothing, and a run that is over never runs again.

Environment: MLFLOW_APP_ARN, CLAIMS_BUCKET, and AWS_ENDPOINT_URL_MLFLOW if the server is not the app's own.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from .events import (
    ARN_TAG,
    ORDER_TAG,
    TERMINAL,
    Record,
    record_of,
    resource_tags,
    safe_key,
    taggable_arn,
)
from .mlflow_api import Mlflow

CLAIMS_PREFIX = "capture/runs/"
UNTAGGED = "untagged"


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Capture one state change. What is raised sends the event back to Lambda, in the end to the dead-letter queue."""
    sagemaker = boto3.client("sagemaker")
    mlflow = Mlflow(os.environ["MLFLOW_APP_ARN"], os.environ.get("AWS_ENDPOINT_URL_MLFLOW"))
    claims = Claims(boto3.client("s3"), os.environ["CLAIMS_BUCKET"])
    record = record_of(event)
    inherited = {} if "project" in record.tags else tags_of(sagemaker, taggable_arn(record))
    return capture(mlflow, claims, record, {**inherited, **record.tags}, final_metrics(sagemaker, record))


def capture(
    mlflow: Mlflow,
    claims: "Claims",
    record: Record,
    tags: Mapping[str, str],
    metrics: Sequence[Mapping[str, Any]] = (),
) -> dict[str, str]:
    """Write what a record says to the run of its ARN; makes the run if there is none."""
    run_id = claims.read(record.arn)
    if run_id is None:
        run_id = make_run(mlflow, claims, record, experiment=tags.get("project", UNTAGGED))
    run = mlflow.get("runs/get", run_id=run_id)["run"]
    if run["info"]["lifecycle_stage"] == "deleted":
        return {"run_id": run_id, "ignored": "the run was deleted in MLflow"}
    changes = changes_to(run, record, tags)
    mlflow.log(run_id, params=changes.params, metrics=metrics, tags=changes.tags)
    if changes.status is not None:
        mlflow.post("runs/update", run_id=run_id, status=changes.status, end_time=record.ended_ms)
    return {"run_id": run_id}


def make_run(mlflow: Mlflow, claims: "Claims", record: Record, *, experiment: str) -> str:
    """A run for the ARN: the one that MLflow has, or a new one, unless another delivery was first."""
    experiment_id = mlflow.experiment_id(experiment)
    found = mlflow.find_run(experiment_id, ARN_TAG, record.arn)
    if found is not None:
        return claims.claim(record.arn, found)
    created = mlflow.post(
        "runs/create",
        experiment_id=experiment_id,
        run_name=record.name,
        start_time=record.started_ms,
        tags=[{"key": ARN_TAG, "value": record.arn}],
    )
    run_id = str(created["run"]["info"]["run_id"])
    owner = claims.claim(record.arn, run_id)
    if owner != run_id:
        mlflow.post("runs/delete", run_id=run_id)
    return owner


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What is to be written to a run; `status` is None where it stays."""

    status: str | None
    params: Mapping[str, str]
    tags: Mapping[str, str]


def changes_to(run: Mapping[str, Any], record: Record, tags: Mapping[str, str]) -> Changes:
    """What a run lacks of a record, or has in an older form."""
    known = {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}
    known_params = {param["key"] for param in run["data"].get("params", [])}
    was_over = run["info"]["status"] in TERMINAL
    is_news = tags[ORDER_TAG] >= known.get(ORDER_TAG, "") and (record.is_over or not was_over)
    return Changes(
        status=record.status if record.is_over and (is_news or not was_over) else None,
        params={key: value for key, value in record.params.items() if key not in known_params},
        tags={key: value for key, value in tags.items() if known.get(key) != value and (is_news or key not in known)},
    )


def tags_of(sagemaker: Any, arn: str) -> dict[str, str]:
    """The tags of a SageMaker resource; `project` names the experiment."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return resource_tags([tag for page in pages for tag in page["Tags"]])


def final_metrics(sagemaker: Any, record: Record) -> list[dict[str, Any]]:
    """The metrics that SageMaker read out of the log of a training job that is over."""
    if record.kind != "training-job" or not record.is_over:
        return []
    job = sagemaker.describe_training_job(TrainingJobName=record.name)
    return [
        {
            "key": safe_key(metric["MetricName"]),
            "value": metric["Value"],
            "timestamp": int(metric["Timestamp"].timestamp() * 1000),
            "step": 0,
        }
        for metric in job.get("FinalMetricDataList", [])
        if math.isfinite(metric["Value"])
    ]


class Claims:
    """Which run belongs to which ARN: one small object per ARN, written once."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def read(self, arn: str) -> str | None:
        """The run of an ARN, or None."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=claim_key(arn))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None
        return str(json.loads(found["Body"].read())["run_id"])

    def claim(self, arn: str, run_id: str) -> str:
        """Make the run the one of its ARN if the ARN has none; answers the run that it has now."""
        body = json.dumps({"arn": arn, "run_id": run_id}).encode()
        try:
            self._s3.put_object(Bucket=self._bucket, Key=claim_key(arn), Body=body, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
            owner = self.read(arn)
            if owner is None:
                raise
            return owner
        return run_id


def claim_key(arn: str) -> str:
    """Where the claim of an ARN is."""
    return f"{CLAIMS_PREFIX}{hashlib.sha256(arn.encode()).hexdigest()}.json"
