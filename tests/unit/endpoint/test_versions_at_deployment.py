"""What a deployment gets for an answer: a version, or the sentence that it fails with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from endpoint_models import handler as handlers
from tests.unit.custom_resources import CloudFormation, waiting_cloudformation
from tests.unit.endpoint.account import ENDPOINT, SageMaker, package
from tests.unit.endpoint.test_following_approvals import SETTINGS

NEWEST = {"kind": "newest_approved"}


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with waiting_cloudformation() as waiting:
        yield waiting


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> SageMaker:
    sagemaker = SageMaker({1: "Approved", 2: "Approved", 3: "PendingManualApproval"})
    monkeypatch.setenv("ENDPOINT", json.dumps(vars(SETTINGS)))
    monkeypatch.setattr("endpoint_models.handler.boto3.client", lambda service: sagemaker)
    monkeypatch.setattr("endpoint_models.resolve.time.sleep", lambda seconds: sagemaker.on_sleep())
    return sagemaker


def asked(
    cloudformation: CloudFormation, choice: dict[str, Any], *, request: str = "Create", seconds: float = 900
) -> dict[str, Any]:
    event = cloudformation.event(request)
    event["ResourceProperties"] |= {"Choice": choice, "Configuration": "0123"}
    left = iter(range(int(seconds), -1000, -10))
    handlers.handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: next(left) * 1000))
    return cloudformation.answers[-1]


def test_a_deployment_gets_the_newest_approved_version(cloudformation: CloudFormation, account: SageMaker) -> None:
    answer = asked(cloudformation, NEWEST)
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {"ModelPackageArn": package(2), "Version": "2"}


def test_a_pinned_version_comes_as_cloudformation_writes_numbers(
    cloudformation: CloudFormation, account: SageMaker
) -> None:
    assert asked(cloudformation, {"kind": "pinned", "version": "1"})["Data"]["Version"] == "1"


@pytest.mark.parametrize(
    ("versions", "choice", "expected"),
    [
        ({}, NEWEST, "NoApprovedModel: model package group 'demo' has no version; run the project's training pipeline"),
        ({1: "Rejected"}, NEWEST, "NoApprovedModel: no version of model package group 'demo' is approved; approve one"),
        (
            {1: "Approved"},
            {"kind": "pinned", "version": "7"},
            "NoApprovedModel: model package group 'demo' has no version 7; it has 1 to 1: pin another",
        ),
    ],
)
def test_without_a_version_the_deployment_fails_with_that_sentence(
    cloudformation: CloudFormation, account: SageMaker, versions: dict[int, str], choice: dict[str, Any], expected: str
) -> None:
    account.versions = versions
    answer = asked(cloudformation, choice)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(expected)


def test_an_image_that_the_role_may_not_pull_fails_at_once(cloudformation: CloudFormation, account: SageMaker) -> None:
    account.image = "999999999999.dkr.ecr.us-east-1.amazonaws.com/other:1"
    answer = asked(cloudformation, NEWEST)
    assert answer["Reason"].startswith(
        "ImageNotAllowed: version 2 of model package group 'demo' serves in 999999999999.dkr.ecr.us-east-1.amazonaws.com/other:1"
    )


def test_a_deployment_waits_for_the_update_of_an_approval(cloudformation: CloudFormation, account: SageMaker) -> None:
    account.deployed(version=1)
    assert account.endpoint is not None
    account.endpoint["EndpointStatus"] = "Updating"
    account.on_sleep = account.in_service
    assert asked(cloudformation, NEWEST, request="Update")["Status"] == "SUCCESS"
    assert account.endpoint["EndpointStatus"] == "InService"


def test_a_deployment_that_waited_too_long_says_so(cloudformation: CloudFormation, account: SageMaker) -> None:
    account.deployed(version=1)
    assert account.endpoint is not None
    account.endpoint["EndpointStatus"] = "Updating"
    answer = asked(cloudformation, NEWEST, request="Update", seconds=60)
    assert (
        answer["Reason"]
        == f"EndpointBusy: {ENDPOINT} is still taking another version; deploy again when it is InService"
    )


def test_deletion_clears_up_what_approvals_brought(cloudformation: CloudFormation, account: SageMaker) -> None:
    account.models = {f"{ENDPOINT}-v2-01234567": {}, "Live-abc": {}}
    account.configs = {f"{ENDPOINT}-v2-01234567": {}}
    assert asked(cloudformation, NEWEST, request="Delete")["Status"] == "SUCCESS"
    assert (set(account.models), account.configs) == ({"Live-abc"}, {})


def test_a_variant_that_goes_leaves_what_the_endpoint_serves(
    cloudformation: CloudFormation, account: SageMaker
) -> None:
    name = f"{ENDPOINT}-v2-01234567"
    account.deployed(version=1)
    account.models[name] = account.models["Live-abc"]
    account.configs[name] = account.configs["Live-config"]
    assert account.endpoint is not None
    account.endpoint["EndpointConfigName"] = name
    asked(cloudformation, NEWEST, request="Delete")
    assert name in account.models
    assert name in account.configs


def test_the_resource_keeps_its_id_so_that_nothing_is_deleted_when_versions_change(
    cloudformation: CloudFormation, account: SageMaker
) -> None:
    first = asked(cloudformation, NEWEST)
    account.versions[3] = "Approved"
    second = asked(cloudformation, NEWEST, request="Update")
    assert first["PhysicalResourceId"] == second["PhysicalResourceId"]
    assert (first["Data"]["Version"], second["Data"]["Version"]) == ("2", "3")


def test_events_of_approvals_are_followed(account: SageMaker) -> None:
    account.deployed(version=1)
    did = handlers.handler({"detail-type": "SageMaker Model Package State Change"}, None)
    assert did == {"did": "update of demo-live to version 2"}
