"""The model registry: groups, versions and their approval."""

from __future__ import annotations

import time

from mllocal.errors import in_use, validation
from mllocal.execution.progress import iso_time
from mllocal.jobs.refusals import refusals
from mllocal.operations import listing
from mllocal.sagemaker import wire
from mllocal.sagemaker.kinds import MODEL_PACKAGE, MODEL_PACKAGE_GROUP
from mllocal.sagemaker.service import Request, Service, arn_of, operation
from mllocal.sagemaker.store import Document, Scope

_EVENT = "SageMaker Model Package State Change"


@operation("CreateModelPackageGroup")
def create_model_package_group(service: Service, scope: Scope, request: Request) -> Document:
    document = {**request, "ModelPackageGroupStatus": "Completed", "LastVersion": 0}
    return service.create(MODEL_PACKAGE_GROUP, scope, request["ModelPackageGroupName"], document)


@operation("DescribeModelPackageGroup")
def describe_model_package_group(service: Service, scope: Scope, request: Request) -> Document:
    return _find_group(service, scope, request["ModelPackageGroupName"])


@operation("DeleteModelPackageGroup")
def delete_model_package_group(service: Service, scope: Scope, request: Request) -> Document:
    group = _find_group(service, scope, request["ModelPackageGroupName"])
    versions = _versions(service, scope, group["ModelPackageGroupName"])
    if versions:
        raise in_use(
            f"ModelPackageGroup {group['ModelPackageGroupName']!r} has {len(versions)} model packages; delete them first"
        )
    service.store.delete(group["ModelPackageGroupArn"])
    return {}


@operation("ListModelPackageGroups")
def list_model_package_groups(service: Service, scope: Scope, request: Request) -> Document:
    groups = service.store.find(MODEL_PACKAGE_GROUP.name, scope)
    return listing.page(MODEL_PACKAGE_GROUP, groups, request, "ModelPackageGroupSummaryList", order="Descending")


@operation("CreateModelPackage")
def create_model_package(service: Service, scope: Scope, request: Request) -> Document:
    problems = refusals(MODEL_PACKAGE.name, request)
    if problems:
        raise validation("; ".join(problems))
    group = _find_group(service, scope, request["ModelPackageGroupName"])
    group_name = group["ModelPackageGroupName"]
    with service.store.transaction():
        version = service.store.update(group["ModelPackageGroupArn"], _count_up)["LastVersion"]
        document = {
            "ModelApprovalStatus": "PendingManualApproval",
            **request,
            "ModelPackageGroupName": group_name,
            "ModelPackageName": group_name,
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
        }
        package = service.create(MODEL_PACKAGE, scope, f"{group_name}/{version}", document)
    _emit(service, scope, package)
    return package


def _count_up(group: Document) -> None:
    group["LastVersion"] += 1


@operation("DescribeModelPackage")
def describe_model_package(service: Service, scope: Scope, request: Request) -> Document:
    return find_package(service, scope, request["ModelPackageName"])


@operation("UpdateModelPackage")
def update_model_package(service: Service, scope: Scope, request: Request) -> Document:
    package = find_package(service, scope, request["ModelPackageArn"])
    removed = set(request.get("CustomerMetadataPropertiesToRemove", []))
    metadata = {
        **package.get("CustomerMetadataProperties", {}),
        **request.get("CustomerMetadataProperties", {}),
    }
    changes = {
        **request,
        "CustomerMetadataProperties": {key: value for key, value in metadata.items() if key not in removed},
        "LastModifiedTime": time.time(),
    }
    package = service.store.update(package["ModelPackageArn"], lambda document: document.update(changes))
    _emit(service, scope, package)
    return package


@operation("DeleteModelPackage")
def delete_model_package(service: Service, scope: Scope, request: Request) -> Document:
    service.store.delete(find_package(service, scope, request["ModelPackageName"])["ModelPackageArn"])
    return {}


@operation("ListModelPackages")
def list_model_packages(service: Service, scope: Scope, request: Request) -> Document:
    group = request.get("ModelPackageGroupName")
    approval = request.get("ModelApprovalStatus")
    packages = [
        package
        for package in service.store.find(MODEL_PACKAGE.name, scope)
        if (group is None or package["ModelPackageGroupName"] == group.rsplit("/", 1)[-1])
        and (approval is None or package["ModelApprovalStatus"] == approval)
    ]
    return listing.page(MODEL_PACKAGE, packages, request, "ModelPackageSummaryList")


def find_package(service: Service, scope: Scope, name: str) -> Document:
    """A model package by ARN or by `group/version`."""
    return service.require(MODEL_PACKAGE, arn_of(MODEL_PACKAGE, scope, name), name)


def _find_group(service: Service, scope: Scope, name: str) -> Document:
    return service.require(MODEL_PACKAGE_GROUP, arn_of(MODEL_PACKAGE_GROUP, scope, name), name)


def _versions(service: Service, scope: Scope, group_name: str) -> list[Document]:
    packages = service.store.find(MODEL_PACKAGE.name, scope)
    return [package for package in packages if package["ModelPackageGroupName"] == group_name]


def _emit(service: Service, scope: Scope, package: Document) -> None:
    described = wire.answer("DescribeModelPackage", package)
    times = {name: iso_time(value) for name, value in described.items() if name.endswith("Time")}
    detail = {**described, **times}
    service.emit(scope, _EVENT, [package["ModelPackageArn"]], detail)
