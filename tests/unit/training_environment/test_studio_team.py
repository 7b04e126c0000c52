"""StudioTeam: a profile for each person, a space for all, and permissions that end at the project."""

from __future__ import annotations

from typing import Any

import pytest

from mlplatform.training_environment import AuthMode, StudioLimits
from tests.synth.flatten import flatten
from tests.unit.training_environment.synthesis import Synthesis, synthesize_team

PROFILES = ["demand-aiko-tanaka", "demand-ben"]


@pytest.fixture(scope="module")
def team() -> Synthesis:
    return synthesize_team(shared_space_owner="ben")


def by_name(synthesis: Synthesis, kind: str, name: str) -> dict[str, dict[str, Any]]:
    """Logical ids and resources by their name."""
    return {
        resource["Properties"][name]: {"id": logical_id, **resource}
        for logical_id, resource in synthesis.resources(kind).items()
        if name in resource["Properties"]
    }


def test_every_person_has_a_profile_that_runs_as_the_projects_role(team: Synthesis) -> None:
    profiles = by_name(team, "AWS::SageMaker::UserProfile", "UserProfileName")
    assert sorted(profiles) == PROFILES
    assert {flatten(it["Properties"]["UserSettings"]["ExecutionRole"]) for it in profiles.values()} == {"<Role.Arn>"}
    assert all("SingleSignOnUserValue" not in it["Properties"] for it in profiles.values())


def test_with_identity_center_a_profile_is_of_a_user_there() -> None:
    synthesis = synthesize_team({"auth_mode": AuthMode.SSO})
    users = [it["SingleSignOnUserValue"] for it in synthesis.properties("AWS::SageMaker::UserProfile")]
    assert users == ["aiko.tanaka@example.com", "ben"]


def test_a_project_can_have_narrower_limits() -> None:
    limits = StudioLimits(idle_shutdown_minutes=60, max_idle_shutdown_minutes=60, instance_types=("ml.t3.medium",))
    synthesis = synthesize_team(limits=limits)
    for custom in synthesis.properties("AWS::CloudFormation::CustomResource"):
        assert (custom["IdleTimeoutInMinutes"], custom["MaxIdleTimeoutInMinutes"]) == (60, 60)
    for profile in synthesis.properties("AWS::SageMaker::UserProfile"):
        assert profile["UserSettings"]["CodeEditorAppSettings"] == {
            "DefaultResourceSpec": {"InstanceType": "ml.t3.medium"}
        }
    conditions = [it.get("Condition", {}) for it in synthesis.statements("Role").values()]
    allowed = [it["ForAllValues:StringEquals"] for it in conditions if "ForAllValues:StringEquals" in it]
    assert allowed == [{"sagemaker:InstanceTypes": ["ml.t3.medium"]}] * 3


def test_spaces_are_ones_own_or_shared_by_ones_project(team: Synthesis) -> None:
    statements = {sid: flatten(it) for sid, it in team.statements("Role").items()}
    own = statements["RunAppsInOwnSpaces"]["Condition"]["StringEquals"]
    assert own["sagemaker:SpaceSharingType"] == "Private"
    assert own["sagemaker:OwnerUserProfileArn"].endswith("/${sagemaker:UserProfileName}")
    shared = statements["RunAppsInSharedSpaces"]["Condition"]["StringEquals"]
    assert shared["sagemaker:SpaceSharingType"] == "Shared"
    assert [arn.rpartition("/")[2] for arn in shared["sagemaker:OwnerUserProfileArn"]] == PROFILES
    created = {action for it in statements.values() for action in it["Action"] if action.startswith("sagemaker:Create")}
    assert created == {"sagemaker:CreateApp", "sagemaker:CreateSpace"}


def test_the_shared_space_is_owned_by_the_person_named(team: Synthesis) -> None:
    (space,) = team.properties("AWS::SageMaker::Space")
    assert space["SpaceName"] == "demand-ben-shared"
    assert space["OwnershipSettings"] == {"OwnerUserProfileName": "demand-ben"}
    assert space["SpaceSharingSettings"] == {"SharingType": "Shared"}


def test_without_an_owner_there_is_no_shared_space() -> None:
    assert synthesize_team().properties("AWS::SageMaker::Space") == []


def test_apps_are_gone_before_profiles_and_the_space_before_its_owners_teardown(team: Synthesis) -> None:
    """CloudFormation deletes in the opposite order of dependencies."""
    profiles = by_name(team, "AWS::SageMaker::UserProfile", "UserProfileName")
    teardowns = by_name(team, "AWS::CloudFormation::CustomResource", "UserProfileName")
    for name in PROFILES:
        assert profiles[name]["id"] in teardowns[name]["DependsOn"]
    ((space_id, space),) = team.resources("AWS::SageMaker::Space").items()
    assert teardowns["demand-ben"]["id"] in space["DependsOn"]
    (of_the_space,) = by_name(team, "AWS::CloudFormation::CustomResource", "SpaceName").values()
    assert of_the_space["DependsOn"] == [space_id]


def test_a_project_depends_on_the_environment_and_never_the_other_way(team: Synthesis) -> None:
    (profile, _) = team.properties("AWS::SageMaker::UserProfile")
    assert "Fn::ImportValue" in profile["DomainId"]


def test_all_mistakes_are_named_at_once() -> None:
    limits = StudioLimits(idle_shutdown_minutes=1, max_idle_shutdown_minutes=500, instance_types=("ml.g5.xlarge",))
    with pytest.raises(ValueError, match="shared_space_owner 'carl' is not among people; use one of ben") as raised:
        synthesize_team(people=["ben"], shared_space_owner="carl", limits=limits)
    assert "idle_shutdown_minutes 1 is out of range" in str(raised.value)
    assert "instance type 'ml.g5.xlarge' is not allowed in the environment" in str(raised.value)
    assert "max_idle_shutdown_minutes 500 is more than the 480 that the environment allows" in str(raised.value)
