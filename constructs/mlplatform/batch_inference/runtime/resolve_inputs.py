"""Lambda of the step ResolveInputs: which model and which input objects a run of batch inference uses.

Event: `model_package_group_name`, `input_uri` (an S3 prefix) and `record_uri` (where the list of objects is written).
Answer: `model_package_arn`, `input_version` (one digest of all object versions) and `input_objects` (their number).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3


class UnresolvedInputError(Exception):
    """The run cannot start; the message says why and what to do."""


def handler(event: Mapping[str, str], context: object) -> dict[str, str]:
    """Resolve, record, answer. Whatever is raised becomes the step's FailureReason."""
    s3 = boto3.client("s3")
    model_package_arn = newest_approved(boto3.client("sagemaker"), event["model_package_group_name"])
    objects = current_objects(s3, event["input_uri"])
    version = version_of(objects)
    bucket, key = split_uri(event["record_uri"])
    record = {"uri": event["input_uri"], "version": version, "objects": objects}
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(record, indent=1).encode(), ContentType="application/json")
    return {"model_package_arn": model_package_arn, "input_version": version, "input_objects": str(len(objects))}


def newest_approved(sagemaker: Any, group: str) -> str:
    """The ARN of the newest approved version of a model package group."""
    approved = newest(sagemaker, group, ModelApprovalStatus="Approved")
    if approved is not None:
        return approved
    waiting = newest(sagemaker, group)
    if waiting is None:
        raise UnresolvedInputError(
            f"model package group '{group}' has no version; run the project's training pipeline, then approve "
            "the version that it registers"
        )
    raise UnresolvedInputError(
        f"no version of model package group '{group}' is approved; approve one, for example: aws sagemaker "
        f"update-model-package --model-package-arn {waiting} --model-approval-status Approved"
    )


def newest(sagemaker: Any, group: str, **filters: str) -> str | None:
    """The ARN of the newest version of a group that passes the filters, or None."""
    answer = sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=1, **filters
    )
    packages = answer["ModelPackageSummaryList"]
    return packages[0]["ModelPackageArn"] if packages else None


def current_objects(s3: Any, uri: str) -> list[dict[str, Any]]:
    """The objects under an S3 prefix in their current version, by key; empty ones and folder markers do not count."""
    bucket, prefix = split_uri(uri)
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    objects = [
        {
            "key": found["Key"],
            "version_id": found["VersionId"],
            "etag": found["ETag"].strip('"'),
            "bytes": found["Size"],
        }
        for page in pages
        for found in page.get("Versions", [])
        if found["IsLatest"] and found["Size"] > 0
    ]
    if not objects:
        raise UnresolvedInputError(
            f"there is no input under {uri}; upload it, for example: aws s3 cp input.csv s3://{bucket}/{prefix}"
        )
    return sorted(objects, key=lambda found: found["key"])


def version_of(objects: Sequence[Mapping[str, Any]]) -> str:
    """One digest that changes when any object is added, removed or replaced."""
    digest = hashlib.sha256()
    for found in objects:
        digest.update(f"{found['key']}\0{found['version_id']}\0{found['etag']}\n".encode())
    return digest.hexdigest()


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
