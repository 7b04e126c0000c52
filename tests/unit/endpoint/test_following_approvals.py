"""An approval's way into service, in any order of events, and whatever dies in between."""

from __future__ import annotations

import json
from typing import Any

import pytest

from endpoint_models.follow import APPROVAL, Follower
from endpoint_models.resolve import NotDeployableError
from endpoint_models.settings import Settings
from model_registry import NoModelError
from tests.unit.endpoint.account import ENDPOINT, GROUP, SageMaker

SETTINGS = Settings(
    endpoint_name=ENDPOINT,
    model_package_group_name=GROUP,
    configuration="0123456789abcdef",
    images=["123456789012.dkr.ecr.us-east-1.amazonaws.com/demo[:@]*"],
    following=["main"],
    model={"ExecutionRoleArn": "arn:aws:iam::123456789012:role/mlp/demo/live", "EnableNetworkIsolation": True},
    update={"RetainAllVariantProperties": True},
    tags=[{"Key": "project", "Value": "demo"}],
    topic_arn="arn:aws:sns:us-east-1:123456789012:demo",
    environment={"GUNICORN_CMD_ARGS": "--backlog=8"},
)
APPROVED: dict[str, Any] = {"detail-type": APPROVAL}
CHANGED: dict[str, Any] = {"detail-type": "SageMaker Endpoint State Change"}
SECOND, THIRD = f"{ENDPOINT}-v2-01234567", f"{ENDPOINT}-v3-01234567"


class Topic:
    def __init__(self) -> None:
        self.told: list[str] = []

    def publish(self, *, Message: str, **_: Any) -> None:  # noqa: N803
        self.told.append(json.loads(Message)["email"])


@pytest.fixture
def account() -> SageMaker:
    """Version 1 is served, and version 2 was just approved."""
    return SageMaker({1: "Approved", 2: "Approved"}).deployed(version=1)


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def follower(account: SageMaker, topic: Topic) -> Follower:
    return Follower(account, topic, SETTINGS)


def test_an_approval_brings_its_version_into_service(account: SageMaker, follower: Follower) -> None:
    assert follower.look(APPROVED) == {"did": f"update of {ENDPOINT} to version 2"}
    assert account.served() == 2
    assert account.endpoint is not None
    assert account.endpoint["asked"]["RetainAllVariantProperties"] is True


def test_it_changes_the_model_and_nothing_else(account: SageMaker, follower: Follower) -> None:
    follower.look(APPROVED)
    before, after = account.configs["Live-config"], account.configs[SECOND]
    (old,), (new,) = before["ProductionVariants"], after["ProductionVariants"]
    assert {**new, "ModelName": old["ModelName"]} == old
    assert after["KmsKeyId"] == before["KmsKeyId"]
    assert account.models[SECOND]["EnableNetworkIsolation"] is True
    assert account.models[SECOND]["PrimaryContainer"]["Environment"] == {"GUNICORN_CMD_ARGS": "--backlog=8"}
    assert account.models[SECOND]["Tags"] == after["Tags"] == SETTINGS.tags


def test_variants_that_are_pinned_stay_as_they_are(topic: Topic) -> None:
    account = SageMaker({1: "Approved", 2: "Approved"}).deployed(version=1, variants=("main", "challenger"))
    Follower(account, topic, SETTINGS).look(APPROVED)
    assert (account.served("main"), account.served("challenger")) == (2, 1)


def test_the_same_event_again_changes_nothing(account: SageMaker, follower: Follower) -> None:
    follower.look(APPROVED)
    assert follower.look(APPROVED)["did"].startswith("nothing: demo-live is not in service")
    account.in_service()
    assert follower.look(APPROVED) == {"did": "nothing: version 2 is served by demo-live"}


def test_an_approval_while_the_endpoint_changes_waits_for_its_next_event(
    account: SageMaker, follower: Follower
) -> None:
    follower.look(APPROVED)
    account.versions[3] = "Approved"
    follower.look(APPROVED)
    assert account.served() == 2
    account.in_service()
    follower.look(CHANGED)
    assert account.served() == 3


def test_what_nobody_serves_any_more_is_cleared_up(account: SageMaker, follower: Follower) -> None:
    follower.look(APPROVED)
    account.in_service()
    account.versions[3] = "Approved"
    follower.look(APPROVED)
    account.in_service()
    account.versions[4] = "Approved"
    follower.look(APPROVED)
    assert set(account.configs) == {"Live-config", THIRD, f"{ENDPOINT}-v4-01234567"}
    assert SECOND not in account.models
    assert "Live-abc" in account.models


def test_a_version_that_was_rolled_back_is_told_once_and_not_tried_again(
    account: SageMaker, follower: Follower, topic: Topic
) -> None:
    follower.look(APPROVED)
    account.rolled_back("Live-config", why="the container did not start")
    for _ in range(3):
        follower.look(CHANGED)
    assert account.served() == 1
    (text,) = topic.told
    assert text.startswith(
        f"Version 2 was approved, and {ENDPOINT} is back on the version before: the container did not start."
    )


def test_a_person_who_approves_it_again_has_it_tried_again(account: SageMaker, follower: Follower) -> None:
    follower.look(APPROVED)
    account.rolled_back("Live-config")
    follower.look(CHANGED)
    follower.look(APPROVED)
    assert account.served() == 2


def test_the_version_after_one_that_was_rolled_back_is_tried(account: SageMaker, follower: Follower) -> None:
    follower.look(APPROVED)
    account.rolled_back("Live-config")
    account.versions[3] = "Approved"
    follower.look(APPROVED)
    assert account.served() == 3


def test_a_version_that_is_rejected_afterwards_goes_out_of_service(account: SageMaker, follower: Follower) -> None:
    follower.look(APPROVED)
    account.in_service()
    account.versions[2] = "Rejected"
    assert follower.look(APPROVED) == {"did": f"update of {ENDPOINT} to version 1"}
    assert account.served() == 1


def test_when_all_are_rejected_the_endpoint_stays_and_somebody_is_told_why(
    account: SageMaker, follower: Follower
) -> None:
    account.versions.update({1: "Rejected", 2: "Rejected"})
    with pytest.raises(NoModelError, match="no version of model package group 'demo' is approved; approve one"):
        follower.look(APPROVED)
    assert account.served() == 1


def test_an_image_that_the_role_may_not_pull_is_not_tried(account: SageMaker, follower: Follower) -> None:
    account.image = "999999999999.dkr.ecr.us-east-1.amazonaws.com/other:1"
    with pytest.raises(NotDeployableError, match=r"give the endpoint image=ContainerImage.from_uri\('9999"):
        follower.look(APPROVED)
    assert account.served() == 1


@pytest.mark.parametrize("operation", ["create_model", "create_endpoint_config", "update_endpoint", "delete_model"])
def test_wherever_the_function_is_killed_the_next_event_does_the_rest(
    account: SageMaker, follower: Follower, topic: Topic, operation: str
) -> None:
    account.models[f"{ENDPOINT}-v1-89abcdef"] = {}  # Something to clear up.
    account.die_before = operation
    with pytest.raises(KeyboardInterrupt):
        follower.look(APPROVED)
    follower.look(CHANGED)
    account.in_service()
    follower.look(CHANGED)
    assert account.served() == 2
    assert topic.told == []


def test_before_there_is_an_endpoint_there_is_nothing_to_do(topic: Topic) -> None:
    account = SageMaker()
    assert Follower(account, topic, SETTINGS).look(APPROVED)["did"].startswith("nothing")
    assert account.models == {}


def test_models_of_an_endpoint_whose_name_begins_so_are_left_alone(account: SageMaker, follower: Follower) -> None:
    neighbour = f"{ENDPOINT}-v2-v7-01234567"
    account.models[neighbour] = {}
    follower.look(APPROVED)
    assert neighbour in account.models
