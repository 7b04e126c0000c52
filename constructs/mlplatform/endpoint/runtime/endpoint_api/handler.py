"""Lambda behind an endpoint's HTTP API: a request goes to the model as it is, and so does its answer.

Environment: `API`, JSON: `endpoint_name`, `timeout_seconds`, `logged_percent` with `log_stream` (null where nothing is logged), `fallback`
(`body`, `content_type`, `failures`, `open_seconds`) or null, and `components`: what the last part of the path stands for, or null
where there are none. Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs", format 2.0.
"""

import base64
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from endpoint_api.circuit import Circuit
from endpoint_api.predictions import BRIEFLY, PredictionLog, Versions

Json = Mapping[str, Any]
_OCTETS = "application/octet-stream"
_NO_COPY = "no capacity"
"""Said of an inference component that is at zero: nothing is wrong with the request."""
_TOO_MANY = 429
_STATUS = {"ModelError": 502, "ModelNotReadyException": 503, "ThrottlingException": _TOO_MANY, "ValidationError": 400}


@dataclass(frozen=True)
class Answer:
    """What a caller gets. `failed` is the model, not the request."""

    status: int
    content_type: str
    body: bytes
    variant: str = ""
    failed: bool = False
    fallback: bool = False

    def to_json(self) -> dict[str, Any]:
        """As API Gateway reads it."""
        headers = {
            "content-type": self.content_type,
            "x-amzn-invoked-production-variant": self.variant,
            "x-mlplatform-fallback": str(self.fallback).lower(),
        }
        body = base64.b64encode(self.body).decode()
        return {"statusCode": self.status, "headers": headers, "isBase64Encoded": True, "body": body}


@dataclass(frozen=True)
class Api:
    """One endpoint, or one component of it, behind one API, as long as an instance of the function lives."""

    target: Mapping[str, str]
    timeout_seconds: float
    runtime: Any
    circuit: Circuit | None
    fallback: Json | None
    log: PredictionLog | None

    def answer(self, event: Json) -> Answer:
        """Ask the model; with a fallback, answer with that while the model fails."""
        began, text = time.monotonic(), event.get("body") or ""
        body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
        answer = self._guarded(body, event.get("headers", {}))
        if self.log is not None and answer.status == 200:
            self.log.write(
                request=body,
                answer=answer.body,
                variant=answer.variant,
                seconds=time.monotonic() - began,
                fallback=answer.fallback,
            )
        return answer

    def _guarded(self, body: bytes, headers: Json) -> Answer:
        if self.circuit is None or self.fallback is None:
            return self._ask(body, headers)
        if not self.circuit.is_open:
            answer = self._ask(body, headers)
            if not answer.failed:
                self.circuit.succeeded()
                return answer
            self.circuit.failed()
            print(json.dumps({"fallback": {**self.target, "because": answer.body.decode()}}))
        return Answer(200, self.fallback["content_type"], self.fallback["body"].encode(), fallback=True)

    def _ask(self, body: bytes, headers: Json) -> Answer:
        try:
            answer = self.runtime.invoke_endpoint(
                **self.target,
                Body=body,
                ContentType=headers.get("content-type", _OCTETS),
                Accept=headers.get("accept", "*/*"),
            )
            content = answer["Body"].read()
        except (ConnectTimeoutError, ReadTimeoutError):
            seconds = f"{self.timeout_seconds:g} seconds"
            return _problem(
                504, f"the model did not answer within {seconds}; send less at once, or use an asynchronous endpoint"
            )
        except ClientError as error:
            told = error.response["Error"]
            original = error.response.get("OriginalStatusCode", 500)
            status = 503 if _NO_COPY in told["Message"] else _STATUS.get(told["Code"], 502)
            return _problem(original if status == 502 and original < 500 else status, told["Message"])
        except BotoCoreError as error:
            return _problem(502, f"the model could not be asked: {error}")
        variant = answer.get("InvokedProductionVariant", "")
        return Answer(200, answer.get("ContentType", _OCTETS), content, variant=variant)


def handler(event: Json, context: object) -> dict[str, Any]:
    """Ask the model, and answer with what it said; what went wrong is a sentence."""
    components = _settings()["components"]
    if components is None:
        return _api(None).answer(event).to_json()
    named = event["pathParameters"]["component"]
    if named not in components:
        return _problem(404, f"there is no component '{named}'; use one of {', '.join(sorted(components))}").to_json()
    return _api(components[named]).answer(event).to_json()


@cache
def _settings() -> Json:
    settings: Json = json.loads(os.environ["API"])
    return settings


@cache
def _api(component: str | None) -> Api:
    settings = _settings()
    seconds, name, fallback = settings["timeout_seconds"], settings["endpoint_name"], settings["fallback"]
    config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1})
    return Api(
        target={"EndpointName": name, **({} if component is None else {"InferenceComponentName": component})},
        timeout_seconds=seconds,
        runtime=boto3.client("sagemaker-runtime", config=config),
        circuit=None if fallback is None else Circuit(fallback["failures"], fallback["open_seconds"]),
        fallback=fallback,
        log=None if settings["log_stream"] is None else _log(component),
    )


def _log(component: str | None) -> PredictionLog:
    settings = _settings()
    versions = Versions(boto3.client("sagemaker", config=BRIEFLY), settings["endpoint_name"], component)
    firehose = boto3.client("firehose", config=BRIEFLY)
    return PredictionLog(versions, settings["logged_percent"], firehose, settings["log_stream"])


def _problem(status: int, sentence: str) -> Answer:
    """A model that has too much to do has failed, too: the caller did nothing wrong."""
    body = json.dumps({"message": sentence}).encode()
    return Answer(status, "application/json", body, failed=status >= 500 or status == _TOO_MANY)
