"""Lambda of the step FindProductionModel: which model the new one is compared with.

Event: `model_package_group_name`, and `new_model_uri`, the model.tar.gz that was just trained.
Answer: `model_package_arn` and `model_uri` of the newest approved version. While nothing is approved, the ARN is `none` and the model the
new one: SageMaker gives each input of a job something to download.
"""

from collections.abc import Mapping
from typing import Any

import boto3

NOTHING = "none"


def handler(event: Mapping[str, str], context: object) -> dict[str, str]:
    """Find it. Whatever is raised becomes the step's FailureReason."""
    sagemaker = boto3.client("sagemaker")
    arn = newest_approved(sagemaker, event["model_package_group_name"])
    if arn is None:
        return {"model_package_arn": NOTHING, "model_uri": event["new_model_uri"]}
    return {"model_package_arn": arn, "model_uri": model_uri(sagemaker, arn)}


def newest_approved(sagemaker: Any, group: str) -> str | None:
    """The ARN of the newest approved version of a model package group, or None."""
    packages = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    return packages[0]["ModelPackageArn"] if packages else None


def model_uri(sagemaker: Any, arn: str) -> str:
    """Where a version keeps its model.tar.gz."""
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    uri: str = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    return uri
