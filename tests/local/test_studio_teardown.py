"""The teardown of Studio, by its own handler against the embedded AWS: everything goes, in order, however long it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import mllocal
from mlplatform.pipeline.archives import read_files, zip_archive
from mlplatform.training_environment.runtime.studio_teardown import handler as teardown
from tests.local.studio import ROLE, Studio, wait_until
from tests.unit.custom_resources import CloudFormation, waiting_cloudformation

RUNTIME = Path(teardown.__file__).parent
LONG, OVER = 600_000, 0


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with waiting_cloudformation() as waiting:
        yield waiting


@dataclass(frozen=True)
class Context:
    """What Lambda hands to a handler."""

    remaining: int = LONG
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:nobody"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


@pytest.fixture
def studio(engine: mllocal.Engine, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A domain with two people, a private and a shared space with running apps, and a handler that finds it."""
    for name, value in engine.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(teardown, "POLL_SECONDS", 0.1)
    studio = Studio.create(engine)
    studio.add_profile("aiko")
    studio.add_profile("ben")
    studio.add_space("bens", owner="ben")
    studio.add_space("shared", owner="aiko", sharing="Shared")
    studio.start_app("bens")
    studio.start_app("shared")
    return studio


def of_the_domain(studio: Studio, home: str) -> dict[str, str]:
    return {
        "DomainId": studio.domain_id,
        "VpcId": studio.vpc_id,
        "HomeFileSystem": home,
        "HomeFileSystemId": studio.file_system_id,
    }


def statuses(studio: Studio) -> dict[str, str]:
    apps = studio.sagemaker.list_apps(DomainIdEquals=studio.domain_id)["Apps"]
    return {app["SpaceName"]: app["Status"] for app in apps}


def spaces(studio: Studio) -> set[str]:
    return {it["SpaceName"] for it in studio.sagemaker.list_spaces(DomainIdEquals=studio.domain_id)["Spaces"]}


def function(studio: Studio, name: str) -> str:
    """The handler as a Lambda function of the engine; its ARN."""
    files = {f"{RUNTIME.name}/{path}": content for path, content in read_files(RUNTIME).items()}
    created = studio.engine.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.14",
        Role=ROLE,
        Handler="studio_teardown.handler.handler",
        Code={"ZipFile": zip_archive(files)},
        Timeout=900,
    )
    arn: str = created["FunctionArn"]
    return arn


@pytest.mark.parametrize(("home", "kept"), [("keep", True), ("remove", False)])
def test_a_domain_goes_with_everything_in_it_and_leaves_the_network_free(
    studio: Studio, cloudformation: CloudFormation, home: str, kept: bool
) -> None:
    file_system_id = studio.file_system_id

    teardown.handler(cloudformation.event("Delete", **of_the_domain(studio, home)), Context())

    (answer,) = cloudformation.answers
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", "resource")
    assert studio.left_behind() == []
    assert (file_system_id in studio.file_systems()) is kept
    with pytest.raises(ClientError, match="does not exist"):
        studio.sagemaker.describe_domain(DomainId=studio.domain_id)


def test_doing_it_again_finds_nothing_and_succeeds(studio: Studio, cloudformation: CloudFormation) -> None:
    event = cloudformation.event("Delete", **of_the_domain(studio, "keep"))

    teardown.handler(event, Context())
    teardown.handler(event, Context())

    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS", "SUCCESS"]


def test_of_a_person_apps_and_own_spaces_go_and_nothing_else(studio: Studio, cloudformation: CloudFormation) -> None:
    teardown.handler(cloudformation.event("Delete", DomainId=studio.domain_id, UserProfileName="ben"), Context())

    assert statuses(studio) == {"bens": "Deleted", "shared": "InService"}
    assert spaces(studio) == {"shared"}
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


def test_of_a_space_the_apps_go_and_cloudformation_deletes_the_rest(
    studio: Studio, cloudformation: CloudFormation
) -> None:
    teardown.handler(cloudformation.event("Delete", DomainId=studio.domain_id, SpaceName="shared"), Context())

    assert statuses(studio) == {"bens": "InService", "shared": "Deleted"}
    assert spaces(studio) == {"bens", "shared"}


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_nothing_happens_before_the_deletion(studio: Studio, cloudformation: CloudFormation, request_type: str) -> None:
    teardown.handler(cloudformation.event(request_type, **of_the_domain(studio, "remove")), Context())

    assert set(statuses(studio).values()) == {"InService"}
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_idle_limits_of_a_profile_are_set_beside_its_other_settings(
    studio: Studio, cloudformation: CloudFormation, request_type: str
) -> None:
    spec = {"InstanceType": "ml.m5.large"}
    key = {"DomainId": studio.domain_id, "UserProfileName": "ben"}
    studio.sagemaker.update_user_profile(
        **key, UserSettings={"ExecutionRole": ROLE, "CodeEditorAppSettings": {"DefaultResourceSpec": spec}}
    )

    limits = {"IdleTimeoutInMinutes": "90", "MaxIdleTimeoutInMinutes": "120"}
    teardown.handler(cloudformation.event(request_type, **key, **limits), Context())

    settings = studio.sagemaker.describe_user_profile(**key)["UserSettings"]
    idle = {
        "LifecycleManagement": "ENABLED",
        "IdleTimeoutInMinutes": 90,
        "MinIdleTimeoutInMinutes": 60,
        "MaxIdleTimeoutInMinutes": 120,
    }
    assert settings["ExecutionRole"] == ROLE
    assert settings["JupyterLabAppSettings"] == {"AppLifecycleManagement": {"IdleSettings": idle}}
    assert settings["CodeEditorAppSettings"] == {
        "AppLifecycleManagement": {"IdleSettings": idle},
        "DefaultResourceSpec": spec,
    }
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


def test_another_domain_is_another_teardown_so_that_cloudformation_deletes_the_old_one(
    studio: Studio, cloudformation: CloudFormation
) -> None:
    for domain_id in ("d-old", "d-new"):
        teardown.handler(cloudformation.event("Update", DomainId=domain_id, UserProfileName="ben"), Context())

    assert [answer["PhysicalResourceId"] for answer in cloudformation.answers] == [
        "teardown/d-old/ben",
        "teardown/d-new/ben",
    ]


def test_out_of_time_it_goes_on_in_another_invocation_which_answers(
    studio: Studio, cloudformation: CloudFormation
) -> None:
    event = cloudformation.event("Delete", **of_the_domain(studio, "keep"))

    teardown.handler(event, Context(remaining=OVER, invoked_function_arn=function(studio, "teardown-that-goes-on")))
    wait_until(lambda: bool(cloudformation.answers))

    assert [answer["Status"] for answer in cloudformation.answers] == ["SUCCESS"]
    assert studio.left_behind() == []


def test_a_failure_is_answered_with_its_reason(studio: Studio, cloudformation: CloudFormation) -> None:
    teardown.handler(cloudformation.event("Delete", DomainId="not a domain"), Context())

    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "ValidationException" in answer["Reason"]


def test_it_needs_no_more_time_than_it_is_given_for_a_domain_of_nobody(
    studio: Studio, cloudformation: CloudFormation
) -> None:
    """A rollback deletes a teardown whose domain was never made."""
    gone = {**of_the_domain(studio, "keep"), "DomainId": "d-nobody", "HomeFileSystemId": "fs-00000000"}

    teardown.handler(cloudformation.event("Delete", **gone), Context(remaining=OVER))

    assert cloudformation.answers[0]["Status"] == "SUCCESS"


def test_a_person_who_is_at_work_leaves_with_an_update_of_the_stack(studio: Studio) -> None:
    cloudformation = studio.engine.client("cloudformation")
    profile = {
        "Type": "AWS::SageMaker::UserProfile",
        "Properties": {"DomainId": studio.domain_id, "UserProfileName": "carl"},
    }
    emptied = {
        "Type": "AWS::CloudFormation::CustomResource",
        "DependsOn": "Carl",
        "Properties": {
            "ServiceToken": function(studio, "teardown-of-carl"),
            "DomainId": studio.domain_id,
            "UserProfileName": "carl",
            "IdleTimeoutInMinutes": 90,
            "MaxIdleTimeoutInMinutes": 120,
        },
    }
    topic = {"Type": "AWS::SNS::Topic"}  # A stack needs something to stay.
    patience = {"Delay": 0.2, "MaxAttempts": 300}

    cloudformation.create_stack(
        StackName="team", TemplateBody=json.dumps({"Resources": {"Carl": profile, "Emptied": emptied, "Topic": topic}})
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="team", WaiterConfig=patience)
    limited = studio.sagemaker.describe_user_profile(DomainId=studio.domain_id, UserProfileName="carl")
    studio.add_space("carls", owner="carl")
    studio.start_app("carls")
    cloudformation.update_stack(StackName="team", TemplateBody=json.dumps({"Resources": {"Topic": topic}}))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="team", WaiterConfig=patience)

    apps = limited["UserSettings"]["JupyterLabAppSettings"]
    assert apps["AppLifecycleManagement"]["IdleSettings"]["IdleTimeoutInMinutes"] == 90
    studio.wait("user_profile", None, UserProfileName="carl")
    assert spaces(studio) == {"bens", "shared"}
    assert statuses(studio)["bens"] == "InService"
