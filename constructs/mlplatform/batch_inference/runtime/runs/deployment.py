"""The controller as a custom resource: CloudFormation has it look once before it makes the alarms, and waits for the answer.

Source: CloudFormation user guide, "Custom resource request and response reference".
"""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


def is_request(event: Mapping[str, Any]) -> bool:
    """Whether an event is CloudFormation's."""
    return "ResponseURL" in event


def is_deletion(event: Mapping[str, Any]) -> bool:
    """Whether the pipeline is being deleted, so that there is nothing to look at any more."""
    return bool(event["RequestType"] == "Delete")


def answer(event: Mapping[str, Any]) -> None:
    """Have the deployment go on."""
    names = ("StackId", "RequestId", "LogicalResourceId")
    body = {"Status": "SUCCESS", "PhysicalResourceId": "first-look", **{name: event[name] for name in names}}
    # The URL is signed for a request without a content type.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        event["ResponseURL"], data=json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
