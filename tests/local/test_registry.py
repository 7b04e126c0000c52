"""Model package groups, versions and approval on the embedded AWS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.local.workbench import IMAGE, Workbench

SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://models/model.tar.gz", "Environment": {"A": "packaged"}}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


def register(workbench: Workbench, group: str) -> str:
    package = workbench.sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION
    )
    arn: str = package["ModelPackageArn"]
    return arn


def test_versions_count_up_and_the_newest_approved_is_found(workbench: Workbench) -> None:
    sagemaker = workbench.sagemaker
    sagemaker.create_model_package_group(ModelPackageGroupName="forecast")
    arns = [register(workbench, "forecast") for _ in range(3)]
    for arn in arns[:2]:
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")

    found = sagemaker.list_model_packages(
        ModelPackageGroupName="forecast",
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )

    assert [arn.rsplit("/", 1)[-1] for arn in arns] == ["1", "2", "3"]
    assert [package["ModelPackageArn"] for package in found["ModelPackageSummaryList"]] == [arns[1]]
    assert sagemaker.describe_model_package(ModelPackageName=arns[2])["ModelApprovalStatus"] == "PendingManualApproval"


def test_versions_registered_at_once_are_all_kept_under_different_numbers(workbench: Workbench) -> None:
    workbench.sagemaker.create_model_package_group(ModelPackageGroupName="busy")

    with ThreadPoolExecutor(8) as pool:
        arns = list(pool.map(lambda _: register(workbench, "busy"), range(24)))

    assert sorted(int(arn.rsplit("/", 1)[-1]) for arn in arns) == list(range(1, 25))


def test_a_model_made_from_a_package_takes_its_container(workbench: Workbench) -> None:
    sagemaker = workbench.sagemaker
    sagemaker.create_model_package_group(ModelPackageGroupName="served")
    arn = register(workbench, "served")

    sagemaker.create_model(ModelName="served", PrimaryContainer={"ModelPackageName": arn})

    assert sagemaker.describe_model(ModelName="served")["PrimaryContainer"]["ModelPackageName"] == arn
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.create_model(ModelName="other", PrimaryContainer={"ModelPackageName": arn + "9"})


def test_a_group_with_versions_cannot_be_deleted(workbench: Workbench) -> None:
    sagemaker = workbench.sagemaker
    sagemaker.create_model_package_group(ModelPackageGroupName="full")
    arn = register(workbench, "full")

    with pytest.raises(ClientError, match="has 1 model packages; delete them first"):
        sagemaker.delete_model_package_group(ModelPackageGroupName="full")

    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName="full")


def test_lists_come_in_pages(workbench: Workbench) -> None:
    sagemaker = workbench.sagemaker
    for number in range(5):
        sagemaker.create_model_package_group(ModelPackageGroupName=f"paged-{number}")

    pages = list(
        sagemaker.get_paginator("list_model_package_groups").paginate(
            NameContains="paged", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
        )
    )

    names = [[group["ModelPackageGroupName"] for group in page["ModelPackageGroupSummaryList"]] for page in pages]
    assert names == [["paged-0", "paged-1"], ["paged-2", "paged-3"], ["paged-4"]]
