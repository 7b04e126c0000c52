"""TrainingEnvironment: a domain in the platform's network only, whose idle apps shut down and which can be deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlplatform.training_environment import AuthMode, HomeFileSystem, StudioLimits
from tests.synth.flatten import flatten
from tests.unit.training_environment.synthesis import NETWORK, Synthesis, synthesize_environment


@pytest.fixture(scope="module")
def default() -> Synthesis:
    return synthesize_environment()


@pytest.fixture(scope="module")
def with_image() -> Synthesis:
    return synthesize_environment(image=True, image_version=3)


def domain(synthesis: Synthesis) -> dict[str, Any]:
    (properties,) = synthesis.properties("AWS::SageMaker::Domain")
    return properties


def idle_settings(settings: dict[str, Any], app: str) -> dict[str, Any]:
    found: dict[str, Any] = settings[f"{app}AppSettings"]["AppLifecycleManagement"]["IdleSettings"]
    return found


def test_apps_run_in_the_given_network_and_nowhere_else(default: Synthesis) -> None:
    properties = domain(default)
    assert properties["AppNetworkAccessType"] == "VpcOnly"
    assert properties["VpcId"] == NETWORK.vpc_id
    assert tuple(properties["SubnetIds"]) == NETWORK.subnet_ids
    for settings in ("DefaultUserSettings", "DefaultSpaceSettings"):
        assert tuple(properties[settings]["SecurityGroups"]) == NETWORK.security_group_ids


def test_everything_is_under_one_key_that_stays(default: Synthesis) -> None:
    ((key_id, key),) = default.resources("AWS::KMS::Key").items()
    assert key["DeletionPolicy"] == "Retain"
    assert key["Properties"]["EnableKeyRotation"] is True
    assert flatten(domain(default)["KmsKeyId"]) == f"<{key_id}.Arn>"


def test_idle_apps_of_both_kinds_shut_down_after_an_hour_and_nobody_switches_that_off(default: Synthesis) -> None:
    for app in ("JupyterLab", "CodeEditor"):
        assert idle_settings(domain(default)["DefaultUserSettings"], app) == {
            "LifecycleManagement": "ENABLED",
            "IdleTimeoutInMinutes": 60,
            "MinIdleTimeoutInMinutes": 60,
            "MaxIdleTimeoutInMinutes": 480,
        }


def test_costs_are_tagged_and_the_trail_names_the_person(default: Synthesis) -> None:
    assert domain(default)["TagPropagation"] == "ENABLED"
    assert domain(default)["DomainSettings"]["ExecutionRoleIdentityConfig"] == "USER_PROFILE_NAME"


def test_whoever_has_no_project_may_use_the_volume_of_a_space_and_nothing_else(default: Synthesis) -> None:
    ((key_id, _),) = default.resources("AWS::KMS::Key").items()
    statements = default.statements("NobodyRole")
    assert {resource for it in statements.values() for resource in flatten(it["Resource"])} == {f"<{key_id}.Arn>"}
    assert statements["EncryptSpaces"]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    for settings in ("DefaultUserSettings", "DefaultSpaceSettings"):
        assert "NobodyRole" in flatten(domain(default)[settings]["ExecutionRole"])


@pytest.mark.parametrize("mode", list(AuthMode))
def test_people_sign_in_by_iam_or_by_identity_center(mode: AuthMode) -> None:
    assert domain(synthesize_environment(auth_mode=mode))["AuthMode"] == mode.value


def test_limits_are_the_domains(default: Synthesis) -> None:
    limits = StudioLimits(
        idle_shutdown_minutes=90,
        max_idle_shutdown_minutes=120,
        instance_types=("ml.m5.large", "ml.t3.medium"),
        max_space_gb=20,
    )
    settings = domain(synthesize_environment(limits=limits))["DefaultUserSettings"]
    assert idle_settings(settings, "JupyterLab")["IdleTimeoutInMinutes"] == 90
    assert settings["CodeEditorAppSettings"]["DefaultResourceSpec"] == {"InstanceType": "ml.m5.large"}
    assert settings["SpaceStorageSettings"]["DefaultEbsStorageSettings"] == {
        "DefaultEbsVolumeSizeInGb": 5,
        "MaximumEbsVolumeSizeInGb": 20,
    }


@pytest.mark.parametrize(
    ("choice", "creation", "has_file_system"),
    [
        (HomeFileSystem.KEEP, "Enabled", True),
        (HomeFileSystem.REMOVE, "Enabled", True),
        (HomeFileSystem.NONE, "Disabled", False),
    ],
)
def test_the_file_system_is_kept_removed_or_not_there(
    choice: HomeFileSystem, creation: str, has_file_system: bool
) -> None:
    synthesis = synthesize_environment(home_file_system=choice)
    (teardown,) = synthesis.properties("AWS::CloudFormation::CustomResource")
    assert domain(synthesis)["HomeEfsFileSystemCreation"] == creation
    assert teardown["HomeFileSystem"] == choice.value
    assert ("HomeFileSystemId" in teardown) is has_file_system


def test_the_teardown_is_deleted_before_the_domain_and_is_waited_for(default: Synthesis) -> None:
    """CloudFormation deletes what refers to a resource before the resource."""
    (teardown,) = default.properties("AWS::CloudFormation::CustomResource")
    ((domain_id, _),) = default.resources("AWS::SageMaker::Domain").items()
    assert flatten(teardown["DomainId"]) == f"<{domain_id}.DomainId>"
    assert teardown["ServiceTimeout"] == 3600


def test_the_teardown_may_touch_this_domain_only(default: Synthesis) -> None:
    statements = {sid: flatten(it) for sid, it in default.statements("TeardownFunction").items()}
    ((domain_id, _),) = default.resources("AWS::SageMaker::Domain").items()
    own = f"arn:aws:sagemaker:us-east-1:123456789012:domain/<{domain_id}.DomainId>"
    assert statements["DeleteTheDomain"]["Resource"] == [own]
    assert all(f"/<{domain_id}.DomainId>/" in resource for resource in statements["EmptyTheDomain"]["Resource"])
    for sid in ("DeleteMountTargets", "DeleteSecurityGroups"):
        tag = statements[sid]["Condition"]["StringEquals"]
        assert tag == {"aws:ResourceTag/ManagedByAmazonSageMakerResource": own}


def test_nothing_is_built_and_no_image_is_there_unless_asked_for(default: Synthesis) -> None:
    types = {resource["Type"] for resource in default.template["Resources"].values()}
    assert types.isdisjoint({"AWS::ECR::Repository", "AWS::CodeBuild::Project", "AWS::SageMaker::Image"})
    assert "CustomImages" not in domain(default)["DefaultUserSettings"]["JupyterLabAppSettings"]


def test_images_are_scanned_never_move_and_are_kept_by_number(with_image: Synthesis) -> None:
    (repository,) = with_image.properties("AWS::ECR::Repository")
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged", "any"]


def test_the_build_pushes_to_its_repository_and_passes_one_role(with_image: Synthesis) -> None:
    statements = {sid: flatten(it) for sid, it in with_image.statements("ImageBuildRole").items()}
    ((repository_id, _),) = with_image.resources("AWS::ECR::Repository").items()
    assert statements["PushTheImage"]["Resource"] == [f"<{repository_id}.Arn>"]
    assert statements["PassTheImageRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }
    assert statements["RegisterVersions"]["Resource"] == ["arn:aws:sagemaker:us-east-1:123456789012:image/mlp-studio"]


def test_the_tag_of_an_image_is_the_hash_of_its_sources(with_image: Synthesis) -> None:
    (build,) = with_image.properties("AWS::CodeBuild::Project")
    variables = {it["Name"]: it["Value"] for it in build["Environment"]["EnvironmentVariables"]}
    assert len(variables["IMAGE_TAG"]) == 16
    assert int(variables["IMAGE_TAG"], 16) >= 0
    commands = json.loads(build["Source"]["BuildSpec"])["phases"]["build"]["commands"]
    assert any(command.startswith("docker build") for command in commands)


def test_a_version_of_the_image_is_offered_by_its_number(with_image: Synthesis) -> None:
    (offered,) = domain(with_image)["DefaultUserSettings"]["JupyterLabAppSettings"]["CustomImages"]
    assert (offered["ImageName"], offered["ImageVersionNumber"]) == ("mlp-studio", 3)


def test_all_mistakes_are_named_at_once() -> None:
    limits = StudioLimits(idle_shutdown_minutes=5, max_idle_shutdown_minutes=4, instance_types=("ml.none",))
    with pytest.raises(ValueError, match="idle_shutdown_minutes 5 is out of range; use 60 to 525600") as raised:
        synthesize_environment(limits=limits, image_version=1)
    for expected in (
        "max_idle_shutdown_minutes 4 is out of range",
        "idle_shutdown_minutes 5 is more than max_idle_shutdown_minutes 4",
        "instance type 'ml.none' is none that Studio apps run on",
        "image_version 1 is of no image",
    ):
        assert expected in str(raised.value)
