"""Lambda behind an endpoint's HTTP API: a request goes to the model as it is, and so does its answer.

Environment: `ENDPOINT_NAME`. Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs", format 2.0.
"""

import base64
import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

Json = Mapping[str, Any]
_SECONDS = 25  # API Gateway gives up after 30.
_OCTETS = "application/octet-stream"
_STATUS = {"ModelError": 502, "ModelNotReadyException": 503, "ThrottlingException": 429, "ValidationError": 400}


def handler(event: Json, context: object) -> dict[str, Any]:
    """Ask the model, and answer with what it said; what went wrong is a sentence."""
    headers, body = event.get("headers", {}), event.get("body") or ""
    try:
        answer = _client().invoke_endpoint(
            EndpointName=os.environ["ENDPOINT_NAME"],
            Body=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
            ContentType=headers.get("content-type", _OCTETS),
            Accept=headers.get("accept", "*/*"),
        )
    except ReadTimeoutError:
        return _problem(
            504,
            f"the model did not answer within {_SECONDS} seconds; send less at once, or use an asynchronous endpoint",
        )
    except ClientError as error:
        told = error.response["Error"]
        return _problem(_STATUS.get(told["Code"], 502), told["Message"])
    return {
        "statusCode": 200,
        "headers": {
            "content-type": answer["ContentType"],
            "x-amzn-invoked-production-variant": answer.get("InvokedProductionVariant", ""),
        },
        "isBase64Encoded": True,
        "body": base64.b64encode(answer["Body"].read()).decode(),
    }


@cache
def _client() -> Any:
    return boto3.client("sagemaker-runtime", config=Config(read_timeout=_SECONDS, retries={"total_max_attempts": 1}))


def _problem(status: int, sentence: str) -> dict[str, Any]:
    body = json.dumps({"message": sentence})
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}
