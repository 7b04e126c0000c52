"""A custom resource that sets a profile's idle limits, and when it is deleted empties what it stands for before it answers.

An app can take 20 minutes to stop, longer than a function may run. So the work is steps that look at what is there:
before its time is up the function hands the same event to a fresh invocation of itself, which goes on. CloudFormation
waits for the answer for up to an hour.
"""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from .aws import client
from .domain import Contents, Domain
from .home import Home
from .idle import set_idle_limits

POLL_SECONDS = 2
HAND_OVER_MILLISECONDS = 60_000

Event = dict[str, Any]


def handler(event: Event, context: Any) -> None:
    """Answer CloudFormation once a deletion has left nothing, or else once limits are set; a failure with its reason."""
    try:
        if not _carried_out(event["RequestType"], event["ResourceProperties"], context):
            _go_on_later(event, context)
            return
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation must hear of it or waits for an hour.
        _answer(event, "FAILED", f"{type(error).__name__}: {error}")
        return
    _answer(event, "SUCCESS", "")


def _carried_out(request: str, properties: dict[str, Any], context: Any) -> bool:
    if request == "Delete":
        return _torn_down(properties, context)
    if "IdleTimeoutInMinutes" in properties:
        set_idle_limits(properties)
    return True


def _torn_down(properties: dict[str, str], context: Any) -> bool:
    """Step by step until nothing is left; False when the time of this invocation is nearly up."""
    steps = _steps(properties)
    while not all(step.done() for step in steps):
        if context.get_remaining_time_in_millis() < HAND_OVER_MILLISECONDS:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _steps(properties: dict[str, str]) -> list[Contents | Domain | Home]:
    """What is to be done, in this order. Each step begins when the one before it is done."""
    domain_id = properties["DomainId"]
    contents = Contents(
        domain_id=domain_id,
        user_profile_name=properties.get("UserProfileName"),
        space_name=properties.get("SpaceName"),
    )
    if "HomeFileSystem" not in properties:
        return [contents]
    home = properties["HomeFileSystem"]
    return [
        contents,
        Domain(domain_id=domain_id, retention={"keep": "Retain"}.get(home, "Delete")),
        Home(domain_id=domain_id, vpc_id=properties["VpcId"], file_system_id=properties.get("HomeFileSystemId")),
    ]


def _go_on_later(event: Event, context: Any) -> None:
    client("lambda").invoke(
        FunctionName=context.invoked_function_arn, InvocationType="Event", Payload=json.dumps(event).encode()
    )


def _physical_id(event: Event) -> str:
    """Another for another domain or name, so that CloudFormation deletes the teardown of the old one."""
    properties = event["ResourceProperties"]
    names = [properties[name] for name in ("DomainId", "UserProfileName", "SpaceName") if name in properties]
    return "/".join(["teardown", *names])


def _answer(event: Event, status: str, reason: str) -> None:
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event["PhysicalResourceId"] if event["RequestType"] == "Delete" else _physical_id(event),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    # The URL is signed for a request without a content type.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        event["ResponseURL"], data=json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
