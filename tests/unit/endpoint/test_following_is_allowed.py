"""The function behind an endpoint's models under its own role and the project's boundary: it may do what it does, and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from endpoint_models.follow import Follower
from endpoint_models.leftovers import clear_behind
from endpoint_models.resolve import resolve
from endpoint_models.settings import Settings
from tests.access.callers import Request, unused
from tests.access.evaluator import Principal, Resource, decide
from tests.access.templates import Account
from tests.unit.endpoint.account import ENDPOINT, IMAGE, SageMaker
from tests.unit.endpoint.endpoints import NETWORK
from tests.unit.endpoint.test_following_approvals import APPROVED, CHANGED
from tests.unit.pipeline.synthesis import ACCOUNT, REGION, Json, Synthesized

STACK, NAME, SHARED = "stack", "demo-full", "demo-shared"
SCOPE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
CLOCK = {"detail-type": "Scheduled Event"}
BY_AWS = {"logs:CreateLogStream", "logs:PutLogEvents", "kms:Decrypt", "kms:GenerateDataKey"}
"""What Lambda and SNS do with the function's role: its log, its environment, and messages."""


@dataclass
class Judge:
    """Decides on every request that SageMaker gets, and on what the caller needs besides."""

    principal: Principal
    key: Resource
    asked: list[Request] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)

    def __call__(self, operation: str, asked: Json) -> None:
        for request in self._requests(operation, asked):
            decision = decide(self.principal, request.action, request.resource, request.context)
            self.asked.append(request)
            if not decision:
                self.denied.append(f"{request.action} on {request.resource.arn}: {decision.reason}")

    def _requests(self, operation: str, asked: Json) -> Iterator[Request]:
        action = f"sagemaker:{operation}"
        match asked:
            case _ if operation.startswith("List"):
                yield Request(action, Resource(arn="*"))
            case {"ModelPackageName": str(arn)}:
                yield Request(action, self._own(arn))
            case {"ModelName": str(name)}:
                yield from self._about(action, f"{SCOPE}:model/{name}", asked)
            case {"EndpointName": str(name), "EndpointConfigName": str(config)}:
                yield Request(action, self._own(f"{SCOPE}:endpoint/{name}"))
                yield Request(action, self._own(f"{SCOPE}:endpoint-config/{config}"))
                yield from self._grants()
            case {"EndpointName": str(name)}:
                yield Request(action, self._own(f"{SCOPE}:endpoint/{name}"))
            case {"InferenceComponentName": str(name)}:
                yield Request(action, self._own(f"{SCOPE}:inference-component/{name}"))
            case {"EndpointConfigName": str(name)}:
                yield from self._about(action, f"{SCOPE}:endpoint-config/{name}", asked)

    def _about(self, action: str, arn: str, asked: Json) -> Iterator[Request]:
        if not action.startswith("sagemaker:Create"):
            yield Request(action, self._own(arn))
            return
        tags = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in asked["Tags"]}
        vpc = asked.get("VpcConfig", {})
        variants = asked.get("ProductionVariants", [])
        says: dict[str, Any] = {
            "sagemaker:VpcSubnets": vpc.get("Subnets"),
            "sagemaker:VpcSecurityGroupIds": vpc.get("SecurityGroupIds"),
            "sagemaker:InstanceTypes": [it["InstanceType"] for it in variants] or None,
        }
        yield Request(action, Resource(arn=arn), {**tags, **{key: it for key, it in says.items() if it is not None}})
        yield Request("sagemaker:AddTags", Resource(arn=arn), {"sagemaker:TaggingAction": action.partition(":")[2]})
        if "ExecutionRoleArn" in asked:
            passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
            yield Request("iam:PassRole", Resource(arn=asked["ExecutionRoleArn"]), passed)
        if variants:
            yield from self._grants()

    def _grants(self) -> Iterator[Request]:
        yield Request("kms:DescribeKey", self.key)
        yield Request("kms:CreateGrant", self.key, {"kms:GrantIsForAWSResource": "true"})

    def _own(self, arn: str) -> Resource:
        return Resource(arn=arn, tags=self.key.tags)

    def publish(self, *, TopicArn: str, **_: Any) -> None:  # noqa: N803
        self.asked.append(Request("sns:Publish", self._own(TopicArn)))
        if not decide(self.principal, "sns:Publish", self._own(TopicArn)):
            self.denied.append("sns:Publish")


def judged(endpoints: Synthesized, endpoint: str) -> tuple[Judge, Settings]:
    """Who decides on the function of an endpoint, and what it is told."""
    account = Account.read(endpoints.directory, account=ACCOUNT, region=REGION)
    logical_ids = {it["FunctionName"]: name for name, it in endpoints.resources("AWS::Lambda::Function").items()}
    logical_id = logical_ids[f"{endpoint}-models"]
    role_id = endpoints.resources("AWS::Lambda::Function")[logical_id]["Role"]["Fn::GetAtt"][0]
    (key_id,) = endpoints.resources("AWS::KMS::Key")
    function = dict(account.find("AWS::Lambda::Function", STACK))[logical_id]
    settings = Settings(**json.loads(function["Environment"]["Variables"]["ENDPOINT"]))
    return Judge(account.role(STACK, role_id), account.resource(STACK, key_id)), settings


@pytest.fixture(scope="module")
def of_components(endpoints: Synthesized) -> Judge:
    """The same story for an endpoint of inference components."""
    judge, settings = judged(endpoints, SHARED)
    (name,) = settings.components
    sagemaker = SageMaker({1: "Approved", 2: "Approved"}, image=IMAGE).with_components(name, version=1)
    sagemaker.configs["Live-config"]["VpcConfig"] = settings.model["VpcConfig"]
    sagemaker.configs["Live-config"]["ExecutionRoleArn"] = settings.model["ExecutionRoleArn"]
    sagemaker.judge = judge
    follower = Follower(sagemaker, judge, settings)
    for version in (2, 3, 4):
        sagemaker.versions[version] = "Approved"
        follower.look(APPROVED)
        sagemaker.component_in_service(name)
    sagemaker.versions[5] = "Approved"
    follower.look(APPROVED)
    sagemaker.component_rolled_back(name, "no")
    follower.look(CLOCK)
    resolve(sagemaker, settings, {"Choice": {"kind": "newest_approved"}}, remaining_seconds=lambda: 900)
    sagemaker.endpoint, sagemaker.components = None, {}
    clear_behind(sagemaker, settings)
    assert not [name for name in sagemaker.configs if settings.is_ours(name)]
    return judge


@pytest.fixture(scope="module")
def judge(endpoints: Synthesized) -> Judge:
    """After a version came into service, the next one was rolled back, and the endpoint was deleted."""
    judge, settings = judged(endpoints, NAME)

    sagemaker = SageMaker({1: "Approved", 2: "Approved"}, image=IMAGE).deployed(version=1)
    sagemaker.judge = judge
    follower = Follower(sagemaker, judge, settings)
    follower.look(APPROVED)
    sagemaker.in_service()
    for version in (3, 4):
        sagemaker.versions[version] = "Approved"
        follower.look(APPROVED)
        sagemaker.in_service()
    sagemaker.versions[5] = "Approved"
    follower.look(APPROVED)
    sagemaker.rolled_back("Live-config")
    follower.look(CHANGED)
    resolve(sagemaker, settings, {"Choice": {"kind": "newest_approved"}}, remaining_seconds=lambda: 900)
    sagemaker.endpoint = None
    clear_behind(sagemaker, settings)
    assert not [name for name in sagemaker.configs if settings.is_ours(name)]
    assert settings.model["VpcConfig"]["Subnets"] == [*NETWORK.subnet_ids]
    assert settings.endpoint_name != ENDPOINT
    return judge


@pytest.mark.parametrize("story", ["judge", "of_components"])
def test_it_may_do_everything_that_it_does(story: str, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(story).denied == []


@pytest.mark.parametrize("story", ["judge", "of_components"])
def test_it_may_do_nothing_that_it_does_not_do(story: str, request: pytest.FixtureRequest) -> None:
    judge: Judge = request.getfixturevalue(story)
    left = [it for it in unused(judge.principal, judge.asked) if it.split(": ")[1].partition(" on ")[0] not in BY_AWS]
    assert left == []
