"""`ComponentEndpoint` from its own template: to zero and back by a request, and a version that does not start."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mlplatform import (
    ComponentEndpoint,
    DataCapture,
    Fallback,
    HttpApi,
    InferenceComponent,
    MlProject,
    PinnedVersion,
)
from mlscaling import WAKE_FROM_ZERO, Scaling, Signal, TargetTracking
from tests.local.endpoints.deployed import Deployed
from tests.local.endpoints.models import BROKEN
from tests.local.endpoints.test_components import answers, ask, at_rest, instances, wait_until
from tests.local.workbench import Workbench

IDLE = TargetTracking(target=2, signal=Signal.CONCURRENT_REQUESTS)
TO_ZERO = Scaling(minimum=0, maximum=1, target=IDLE, steps=(WAKE_FROM_ZERO,))


def test_models_go_to_zero_wake_for_a_request_and_go_again(fast: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(fast, tmp_path, "woken")

    def define(project: MlProject) -> None:
        components = [
            InferenceComponent(name="old", model=PinnedVersion(1), scaling=TO_ZERO),
            InferenceComponent(name="new", scaling=TO_ZERO),
        ]
        ComponentEndpoint(project, "Live", components=components)

    deployed.deploy(lambda project: None)
    for label in ("first", "second"):
        deployed.register(label)
    deployed.deploy(define)
    wait_until(lambda: instances(fast, deployed.endpoint) == 0)
    slept = [answers(fast, deployed.endpoint, f"{deployed.endpoint}-{name}") for name in ("old", "new")]
    wait_until(lambda: answers(fast, deployed.endpoint, f"{deployed.endpoint}-old"))
    wait_until(lambda: answers(fast, deployed.endpoint, f"{deployed.endpoint}-new"))
    labels = [ask(fast, deployed.endpoint, f"{deployed.endpoint}-{name}") for name in ("old", "new")]
    wait_until(lambda: instances(fast, deployed.endpoint) == 0)
    deployed.deploy(lambda project: None)

    assert (slept, labels) == ([False, False], ["first", "second"])
    assert fast.sagemaker.list_inference_components()["InferenceComponents"] == []


def test_approvals_come_into_the_components_that_follow_are_captured_and_asked_over_http(
    fast: Workbench, tmp_path: Path
) -> None:
    deployed = Deployed(fast, tmp_path, "followed")
    newest, pinned = (f"{deployed.endpoint}-{name}" for name in ("newest", "pinned"))

    def define(project: MlProject) -> None:
        ComponentEndpoint(
            project,
            "Live",
            components=[
                InferenceComponent(name="newest", copies=2),
                InferenceComponent(name="pinned", model=PinnedVersion(1)),
            ],
            follow_approvals=True,
            capture=DataCapture(percent=100),
            http_api=HttpApi(fallback=Fallback(body="[0]"), logged_percent=100),
            max_instances=4,
        )

    deployed.deploy(lambda project: None)
    deployed.register("one")
    deployed.deploy(define)
    deployed.register("two")
    wait_until(lambda: ask(fast, deployed.endpoint, newest) == "two" and at_rest(fast, newest) != {})
    deployed.deploy(define)  # Nothing about the endpoint, so that it is left alone.
    brought = at_rest(fast, newest)
    deployed.register("broken", BROKEN)
    wait_until(lambda: at_rest(fast, newest).get("FailureReason") is not None)
    told = [clock(fast, deployed.endpoint) for _ in range(2)]
    labels = [ask(fast, deployed.endpoint, name) for name in (newest, pinned)]
    answers_by_api = [by_api(fast, deployed.endpoint, name) for name in ("newest", "pinned", "nobody")]
    wait_until(lambda: len(predictions(fast, deployed.endpoint)) == 2)
    predicted = predictions(fast, deployed.endpoint)
    logged = below(fast, f"logs/predictions/{deployed.endpoint}/")
    wait_until(lambda: below(fast, f"{deployed.endpoint}/captured/{deployed.endpoint}/main/") != [])
    deployed.deploy(lambda project: None)

    assert brought["RuntimeConfig"]["CurrentCopyCount"] == 2
    assert brought["Specification"]["ModelName"].startswith(f"{deployed.endpoint}-v2-")
    assert labels == ["two", "one"]
    assert told == [
        f"told that version 3 was rolled back by {newest}",
        f"nothing: version 3 was rolled back by {newest}, which was told",
    ]
    assert answers_by_api == [(200, "two"), (200, "one"), (404, None)]
    assert predicted == {newest: "2", pinned: "1"}
    assert all(it["Bucket"].startswith("project-followed-projectartifacts") for it in logged)
    assert fast.sagemaker.list_models(NameContains=deployed.endpoint)["Models"] == []


def clock(workbench: Workbench, endpoint: str) -> str:
    """What the function does when its clock calls, at once."""
    event = json.dumps({"detail-type": "Scheduled Event"}).encode()
    answer = workbench.engine.client("lambda").invoke(FunctionName=f"{endpoint}-models", Payload=event)
    return str(json.loads(answer["Payload"].read())["did"])


def by_api(workbench: Workbench, endpoint: str, component: str) -> tuple[int, str | None]:
    """The status and the label that the HTTP API answers with."""
    engine = workbench.engine
    apis = engine.client("apigatewayv2").get_apis()["Items"]
    (api,) = (it["ApiId"] for it in apis if it["Name"] == f"{endpoint}-api")
    port = urlsplit(engine.client("sts").meta.endpoint_url).port
    request = AWSRequest("POST", f"http://127.0.0.1:{port}/invocations/{component}", data=b"21", headers={
        "Content-Type": "text/csv", "Host": f"{api}.execute-api.localhost:{port}"
    })  # fmt: skip
    SigV4Auth(Credentials(engine.account, "test"), "execute-api", engine.region).add_auth(request)
    connection = HTTPConnection("127.0.0.1", port or 0)
    connection.request("POST", f"/invocations/{component}", body=b"21", headers=dict(request.headers))
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()).get("label")


def predictions(workbench: Workbench, endpoint: str) -> dict[str, str]:
    """Which version answered for each component, as the lines in the project's bucket say."""
    s3 = workbench.engine.client("s3")
    places = below(workbench, f"logs/predictions/{endpoint}/")
    lines = [line for place in places for line in s3.get_object(**place)["Body"].read().decode().splitlines()]
    found = [json.loads(line) for line in lines]
    return {it["component"]: it["model_version"] for it in found}


def below(workbench: Workbench, prefix: str) -> list[dict[str, str]]:
    """Bucket and key of what is below a prefix, in whatever bucket it is."""
    s3 = workbench.engine.client("s3")
    buckets = [it["Name"] for it in s3.list_buckets()["Buckets"]]
    pages = {bucket: s3.list_objects_v2(Bucket=bucket, Prefix=prefix) for bucket in buckets}
    return [{"Bucket": bucket, "Key": it["Key"]} for bucket, page in pages.items() for it in page.get("Contents", [])]


def test_a_version_comes_by_a_deployment_and_one_that_does_not_start_goes_back(fast: Workbench, tmp_path: Path) -> None:
    deployed = Deployed(fast, tmp_path, "replaced")

    def of(memory_mb: int) -> Callable[[MlProject], object]:
        """The endpoint; with more memory it is another one, so that the newest version is looked up again."""
        components = [InferenceComponent(name="only", copies=2, memory_mb=memory_mb)]
        return lambda project: ComponentEndpoint(project, "Live", components=components, max_instances=2)

    deployed.deploy(lambda project: None)
    answered = []
    for number, label in enumerate(("first", "second")):
        deployed.register(label)
        deployed.deploy(of(1100 + number))
        answered.append(ask(fast, deployed.endpoint, f"{deployed.endpoint}-only"))
    deployed.register("broken", BROKEN)
    with pytest.raises(AssertionError, match="the model container ended before it answered"):
        deployed.deploy(of(1200))

    assert answered == ["first", "second"]
    assert ask(fast, deployed.endpoint, f"{deployed.endpoint}-only") == "second"
    deployed.deploy(lambda project: None)
