"""An approval's way into inference components: each by itself, with a clock in the place of events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from endpoint_models.follow import Follower
from endpoint_models.leftovers import clear_behind
from endpoint_models.resolve import NotDeployableError, is_changing
from model_registry import NoModelError
from tests.unit.endpoint.account import SageMaker
from tests.unit.endpoint.test_following_approvals import APPROVED, SETTINGS, Topic

PRICES, STOCKS = "demo-live-prices", "demo-live-stocks"
NEEDS = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 1024}
UPDATE = {"Specification": {"ComputeResourceRequirements": NEEDS}, "DeploymentConfig": {
    "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 300}
}}  # fmt: skip
BOTH = replace(SETTINGS, following=[], update={}, components={PRICES: UPDATE, STOCKS: UPDATE})
TICK = {"detail-type": "Scheduled Event"}


@pytest.fixture
def account() -> SageMaker:
    """Both components serve version 1, and version 2 was just approved."""
    return SageMaker({1: "Approved", 2: "Approved"}).with_components(PRICES, STOCKS, version=1)


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def follower(account: SageMaker, topic: Topic) -> Follower:
    return Follower(account, topic, BOTH)


def both_in_service(account: SageMaker) -> None:
    for name in (PRICES, STOCKS):
        account.component_in_service(name)


def test_an_approval_brings_its_version_into_each_component_that_follows(
    account: SageMaker, follower: Follower
) -> None:
    follower.look(APPROVED)
    both_in_service(account)
    assert (account.served_by(PRICES), account.served_by(STOCKS)) == (2, 2)


def test_the_update_is_the_components_own_and_leaves_its_copies_alone(account: SageMaker, follower: Follower) -> None:
    follower.look(APPROVED)
    asked = account.components[PRICES]["asked"]
    assert asked["DeploymentConfig"] == UPDATE["DeploymentConfig"]
    assert asked["Specification"]["ComputeResourceRequirements"] == NEEDS
    assert "RuntimeConfig" not in asked
    assert account.endpoint is not None
    assert account.endpoint["EndpointConfigName"] == "Live-config"


def test_a_component_that_is_pinned_stays(topic: Topic, account: SageMaker) -> None:
    Follower(account, topic, replace(BOTH, components={PRICES: UPDATE})).look(APPROVED)
    account.component_in_service(PRICES)
    assert (account.served_by(PRICES), account.served_by(STOCKS)) == (2, 1)


def test_an_approval_while_a_component_changes_waits_for_the_clock(account: SageMaker, follower: Follower) -> None:
    account.components[STOCKS]["InferenceComponentStatus"] = "Updating"
    follower.look(APPROVED)
    account.components[STOCKS]["InferenceComponentStatus"] = "InService"
    follower.look(TICK)
    both_in_service(account)
    assert account.served_by(STOCKS) == 2


def test_a_version_that_one_component_rolls_back_stays_in_the_other_and_is_told_once(
    account: SageMaker, follower: Follower, topic: Topic
) -> None:
    follower.look(APPROVED)
    account.component_in_service(PRICES)
    account.component_rolled_back(STOCKS, "the container did not start")
    for _ in range(3):
        follower.look(TICK)
    assert (account.served_by(PRICES), account.served_by(STOCKS)) == (2, 1)
    (text,) = topic.told
    assert text.startswith(
        f"Version 2 was approved, and {STOCKS} is back on the version before: the container did not start."
    )
    assert f"/aws/sagemaker/InferenceComponents/{STOCKS}" in text


def test_what_was_rolled_back_is_tried_again_when_a_person_approves_it_again(
    account: SageMaker, follower: Follower
) -> None:
    follower.look(APPROVED)
    account.component_in_service(PRICES)
    account.component_rolled_back(STOCKS, "no")
    follower.look(TICK)
    follower.look(APPROVED)
    account.component_in_service(STOCKS)
    assert account.served_by(STOCKS) == 2


def test_copies_that_scaling_changes_do_not_look_like_a_rollback(
    account: SageMaker, follower: Follower, topic: Topic
) -> None:
    follower.look(APPROVED)
    both_in_service(account)
    account.components[PRICES]["LastModifiedTime"] = account.tick()
    follower.look(TICK)
    assert topic.told == []


def test_what_no_component_has_any_more_is_cleared_up(account: SageMaker, follower: Follower) -> None:
    for version in (3, 4):
        follower.look(APPROVED)
        both_in_service(account)
        account.versions[version] = "Approved"
    follower.look(APPROVED)
    both_in_service(account)
    kept = {it for it in account.models if BOTH.is_ours(it)}
    assert kept >= {account.components[name]["Specification"]["ModelName"] for name in (PRICES, STOCKS)}
    assert not [it for it in account.models if it.startswith("demo-live-v2-")]
    clear_behind(account, BOTH)
    assert {it for it in account.models if BOTH.is_ours(it)} == {
        account.components[name]["Specification"]["ModelName"] for name in (PRICES, STOCKS)
    }
    account.endpoint, account.components = None, {}
    clear_behind(account, BOTH)
    assert (set(account.models), set(account.configs)) == ({"Live-abc"}, {"Live-config"})


@pytest.mark.parametrize(
    "operation", ["create_model", "create_endpoint_config", "update_inference_component", "delete_model"]
)
def test_wherever_the_function_is_killed_the_clock_does_the_rest(
    account: SageMaker, follower: Follower, topic: Topic, operation: str
) -> None:
    account.models["demo-live-v1-89abcdef"] = {}  # Something to clear up.
    account.die_before = operation
    with pytest.raises(KeyboardInterrupt):
        follower.look(APPROVED)
    follower.look(TICK)
    for name in (PRICES, STOCKS):
        if "asked" in account.components[name]:
            account.component_in_service(name)
    follower.look(TICK)
    assert (account.served_by(PRICES), account.served_by(STOCKS)) == (2, 2)
    assert topic.told == []


def test_what_cannot_be_served_is_told_on_approvals_and_not_by_every_tick(
    account: SageMaker, follower: Follower
) -> None:
    account.image = "999999999999.dkr.ecr.us-east-1.amazonaws.com/other:1"
    with pytest.raises(NotDeployableError):
        follower.look(APPROVED)
    assert follower.look(TICK)["did"].startswith("nothing: ImageNotAllowed")
    account.versions.update({1: "Rejected", 2: "Rejected"})
    with pytest.raises(NoModelError):
        follower.look(APPROVED)
    assert follower.look(TICK)["did"].startswith("nothing: NoApprovedModel")


def test_a_deployment_waits_for_a_component_that_takes_a_version(account: SageMaker, follower: Follower) -> None:
    assert not is_changing(account, BOTH)
    follower.look(APPROVED)
    assert is_changing(account, BOTH)


def test_components_get_models_of_their_own_under_the_endpoints_name() -> None:
    names = {BOTH.name_for(2, PRICES), BOTH.name_for(2, STOCKS), BOTH.name_for(2)}
    assert len(names) == 3
    assert all(BOTH.is_ours(name) for name in names)
