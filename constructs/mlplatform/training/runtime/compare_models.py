"""Lambda of the step CompareModels: the new model beside the one in production, on the same held-out data, and who approves.

Event: `metric` (a dotted path in evaluation.json), `lower_is_better`, `new_evaluation_uri` and `production_evaluation_uri` (evaluation.json
of each), `production_model_package_arn` (`none` when there is none), `comparison_uri`, where the report is written, and perhaps
`approve_when_better_by`, a share of production's value; without it a person approves.
Answer: `approval_status`, `summary` (a sentence that SageMaker takes as metadata of a version) and `comparison_uri`.
"""

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

NOTHING = "none"
APPROVED, PENDING = "Approved", "PendingManualApproval"


class NotComparableError(Exception):
    """The new model's own evaluation does not have the metric; the message says what it has."""


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """Compare, report, answer. Whatever is raised becomes the step's FailureReason."""
    s3 = boto3.client("s3")
    new = value_at(read_json(s3, event["new_evaluation_uri"]), event["metric"])
    if new is None:
        raise NotComparableError(
            f"{event['new_evaluation_uri']} has no number at {event['metric']}; let the evaluation script write it"
        )
    production = production_value(s3, event)
    status, summary = judge(
        event["metric"].split(".")[1],
        new,
        production,
        version=event["production_model_package_arn"].rsplit("/", 1)[-1],
        lower_is_better=event["lower_is_better"],
        better_by=event.get("approve_when_better_by"),
    )
    report = {
        "metric": event["metric"],
        "lower_is_better": event["lower_is_better"],
        "new": {"value": new, "evaluation": event["new_evaluation_uri"]},
        "production": {
            "model_package_arn": event["production_model_package_arn"],
            "value": production,
            "evaluation": event["production_evaluation_uri"],
        },
        "approve_when_better_by": event.get("approve_when_better_by"),
        "approval_status": status,
        "summary": summary,
    }
    bucket, key = split_uri(event["comparison_uri"])
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(report, indent=1).encode(), ContentType="application/json")
    return {"approval_status": status, "summary": summary, "comparison_uri": event["comparison_uri"]}


def production_value(s3: Any, event: Mapping[str, Any]) -> float | None:
    """The metric of the model in production; None if there is none, or if it could not be evaluated on this data."""
    if event["production_model_package_arn"] == NOTHING:
        return None
    try:
        return value_at(read_json(s3, event["production_evaluation_uri"]), event["metric"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None


def judge(
    metric: str, new: float, production: float | None, *, version: str, lower_is_better: bool, better_by: float | None
) -> tuple[str, str]:
    """The approval status and the reason for it, in characters that CustomerMetadataProperties takes."""
    if production is None:
        why = "there is no model in production" if version == NOTHING else f"version {version} cannot run on this data"
        return PENDING, f"{metric} {new:.6g}: {why} to compare with"
    gain = production - new if lower_is_better else new - production
    words = f"{metric} {new:.6g} against {production:.6g} of version {version}"
    if production:
        words += f": {abs(gain / production):.1%}".replace("%", " per cent") + (" better" if gain > 0 else " worse")
    approved = better_by is not None and gain > better_by * abs(production)
    return (APPROVED if approved else PENDING), words


def value_at(report: Any, path: str) -> float | None:
    """The number at a dotted path, or None."""
    for name in path.split("."):
        report = report.get(name) if isinstance(report, Mapping) else None
    return float(report) if isinstance(report, int | float) and not isinstance(report, bool) else None


def read_json(s3: Any, uri: str) -> Any:
    """A JSON document in S3."""
    bucket, key = split_uri(uri)
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
