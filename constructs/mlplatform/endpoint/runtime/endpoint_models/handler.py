"""Entry: requests of CloudFormation, and events of EventBridge.

Source: CloudFormation user guide, "Custom resource request and response reference".
"""

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from endpoint_models.follow import Follower
from endpoint_models.leftovers import clear_behind
from endpoint_models.resolve import resolve
from endpoint_models.settings import Settings

Json = Mapping[str, Any]


def handler(event: Json, context: Any) -> dict[str, str]:
    """Answer CloudFormation, or follow an approval. Only the second raises."""
    settings, sagemaker = Settings.from_environment(), boto3.client("sagemaker")
    if "ResponseURL" not in event:
        return Follower(sagemaker, boto3.client("sns"), settings).look(event)
    answer = _answer(event, lambda: _asked(event, context, settings, sagemaker))
    # The URL is signed for a request without a content type.
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own URL
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        return {"did": f"answered {answer['Status']}"}


def _asked(event: Json, context: Any, settings: Settings, sagemaker: Any) -> dict[str, str]:
    if event["RequestType"] == "Delete":
        clear_behind(sagemaker, settings)
        return {}
    return resolve(
        sagemaker,
        settings,
        event["ResourceProperties"],
        remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000,
    )


def _answer(event: Json, work: Callable[[], dict[str, str]]) -> dict[str, Any]:
    names = ("StackId", "RequestId", "LogicalResourceId")
    answer: dict[str, Any] = {"PhysicalResourceId": event["LogicalResourceId"], **{name: event[name] for name in names}}
    try:
        return {**answer, "Status": "SUCCESS", "Data": work()}
    except Exception as error:  # noqa: BLE001 - CloudFormation would wait an hour for an answer that does not come
        return {**answer, "Status": "FAILED", "Reason": str(error)}
