"""The function of the step FindProductionModel, by botocore's own stubs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.stub import Stubber

from mlplatform.training.runtime import find_production_model
from tests.unit.servers import client

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/demo/3"
EVENT = {"model_package_group_name": "demo", "new_model_uri": "s3://artifacts/new/model.tar.gz"}
ASKED = {
    "ModelPackageGroupName": "demo",
    "ModelApprovalStatus": "Approved",
    "SortBy": "CreationTime",
    "SortOrder": "Descending",
    "MaxResults": 1,
}
SUMMARY = {
    "ModelPackageArn": ARN,
    "ModelPackageGroupName": "demo",
    "ModelPackageVersion": 3,
    "CreationTime": datetime(2026, 1, 3, tzinfo=UTC),
    "ModelPackageStatus": "Completed",
    "ModelApprovalStatus": "Approved",
}
DESCRIPTION = {
    "ModelPackageName": "demo",
    "ModelPackageArn": ARN,
    "CreationTime": datetime(2026, 1, 3, tzinfo=UTC),
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {"ValidationStatuses": []},
    "InferenceSpecification": {
        "Containers": [{"Image": "image", "ModelDataUrl": "s3://artifacts/3/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
}


def answer(monkeypatch: Any, *summaries: dict[str, Any]) -> dict[str, str]:
    sagemaker = client("sagemaker")
    monkeypatch.setattr("boto3.client", lambda _: sagemaker)
    with Stubber(sagemaker) as stubber:
        stubber.add_response("list_model_packages", {"ModelPackageSummaryList": list(summaries)}, ASKED)
        if summaries:
            stubber.add_response("describe_model_package", DESCRIPTION, {"ModelPackageName": ARN})
        found = find_production_model.handler(EVENT, None)
        stubber.assert_no_pending_responses()
    return found


def test_the_newest_approved_version_and_its_archive_are_found(monkeypatch: Any) -> None:
    assert answer(monkeypatch, SUMMARY) == {"model_package_arn": ARN, "model_uri": "s3://artifacts/3/model.tar.gz"}


def test_while_nothing_is_approved_the_new_model_stands_in(monkeypatch: Any) -> None:
    assert answer(monkeypatch) == {"model_package_arn": "none", "model_uri": "s3://artifacts/new/model.tar.gz"}
