"""boto3 clients that act as a role: each call is decided by the role's policies first, and remembered.

S3 is a real server; the other services answer what a test says. What botocore sends is what is judged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3

from tests.access.conditions import Context
from tests.access.evaluator import Principal, Resource, decide
from tests.access.world import ACCOUNT, REGION

Json = dict[str, Any]
OK = SimpleNamespace(status_code=200)
REFUSED = SimpleNamespace(status_code=403)
CONFLICT = SimpleNamespace(status_code=409)
_MAKING_A_CLIENT = threading.Lock()


@cache
def _session() -> boto3.Session:
    """Not that of `boto3.client`, in whose place a test may have put `Caller.client`."""
    return boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test", region_name=REGION)


@dataclass(frozen=True)
class Request:
    """What IAM is asked."""

    action: str
    resource: Resource
    context: Context = field(default_factory=dict)


@dataclass
class Caller:
    """Whoever has this role. `key` is that of the buckets, the topic and the schedules; `answers` those of other services."""

    principal: Principal
    key: Resource
    resources: Mapping[str, Resource]
    s3_endpoint: str
    answers: Mapping[str, Callable[[Json], Json]]
    asked: list[Request] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str) -> Any:
        """As `boto3.client`."""
        with _MAKING_A_CLIENT:
            made = _session().client(service, endpoint_url=self.s3_endpoint if service == "s3" else None)
        events = made.meta.events
        events.register_first(f"before-parameter-build.{service}", self._remember)
        events.register(f"before-call.{service}", self._judge)
        events.register(f"after-call.{service}.GetObject", self._hide_what_is_missing)
        return made

    def _remember(self, params: Json, context: Json, **_: Any) -> None:
        context["asked"] = dict(params)

    def _judge(self, model: Any, context: Json, **_: Any) -> tuple[Any, Json] | None:
        service, asked = model.service_model.service_name, context["asked"]
        for request in self._requests(service, model.name, asked):
            decision = decide(self.principal, request.action, request.resource, request.context)
            with self._lock:
                self.asked.append(request)
            if not decision:
                self.denied.append(f"{request.action} on {request.resource.arn}: {decision.reason}")
                return REFUSED, _error("AccessDenied", decision.reason)
        if service == "s3":
            return None
        answer = self.answers[model.name](asked) if model.name in self.answers else {}
        return (CONFLICT if "Error" in answer else OK), answer

    def _hide_what_is_missing(self, parsed: Json, context: Json, **_: Any) -> None:
        """S3 says that an object is missing only to who may list the bucket, and GetObject has no `s3:prefix`."""
        if parsed.get("Error", {}).get("Code") == "NoSuchKey":
            bucket = self._resource(f"arn:aws:s3:::{context['asked']['Bucket']}")
            if not decide(self.principal, "s3:ListBucket", bucket):
                parsed["Error"]["Code"] = "AccessDenied"

    def _requests(self, service: str, operation: str, asked: Json) -> Iterator[Request]:
        if service == "s3":
            yield from self._s3_requests(operation, asked)
        elif service == "sagemaker":
            yield Request(f"sagemaker:{operation}", self._resource(_sagemaker_arn(asked)))
        elif service == "cloudwatch":
            # Only what puts metrics names a namespace that IAM looks at.
            context = {"cloudwatch:namespace": asked["Namespace"]} if "Namespace" in asked else {}
            yield Request(f"cloudwatch:{operation}", Resource(arn="*"), context)
        elif service == "sns":
            yield Request("sns:Publish", self._resource(asked["TopicArn"]))
            yield from self._key_requests("Decrypt", "GenerateDataKey")
        elif service == "scheduler":
            name = f"{asked['GroupName']}/{asked['Name']}"
            yield Request(
                f"scheduler:{operation}", Resource(arn=f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{name}")
            )
            passed = {"iam:PassedToService": "scheduler.amazonaws.com"}
            yield Request("iam:PassRole", Resource(arn=asked["Target"]["RoleArn"]), passed)
            yield from self._key_requests("DescribeKey", "Decrypt", "GenerateDataKey")
        else:
            raise AssertionError(f"{service}:{operation} is not judged")

    def _s3_requests(self, operation: str, asked: Json) -> Iterator[Request]:
        bucket = f"arn:aws:s3:::{asked['Bucket']}"
        if operation in ("ListObjectsV2", "ListObjectVersions"):
            action = "s3:ListBucket" if operation == "ListObjectsV2" else "s3:ListBucketVersions"
            yield Request(action, self._resource(bucket), {"s3:prefix": asked["Prefix"]})
            return
        thing = Resource(arn=f"{bucket}/{asked['Key']}", policy=self._resource(bucket).policy)
        yield Request(f"s3:{operation}", thing)
        if "IfMatch" in asked:  # S3 user guide, "How to prevent object overwrites with conditional writes".
            yield Request("s3:GetObject", thing)
        if operation == "GetObject":
            yield from self._key_requests("Decrypt")
        elif operation == "PutObject":
            yield from self._key_requests("GenerateDataKey")

    def _key_requests(self, *verbs: str) -> Iterator[Request]:
        return (Request(f"kms:{verb}", self.key) for verb in verbs)

    def _resource(self, arn: str) -> Resource:
        return self.resources.get(arn, Resource(arn=arn, tags=self.key.tags))


def _sagemaker_arn(asked: Json) -> str:
    scope = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
    match asked:
        case {"PipelineExecutionArn": str(arn)} | {"ModelPackageName": str(arn)}:
            return arn
        case {"PipelineName": str(name)}:
            return f"{scope}:pipeline/{name}"
        case {"ModelPackageGroupName": str(name)}:
            return f"{scope}:model-package-group/{name}"
        case {"ProcessingJobName": str(name)}:
            return f"{scope}:processing-job/{name}"
        case {"TrainingJobName": str(name)}:
            return f"{scope}:training-job/{name}"
    raise AssertionError(f"no resource in {asked}")


def _error(code: str, message: str) -> Json:
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 403}}


def unused(principal: Principal, asked: list[Request]) -> list[str]:
    """A sentence for each action and resource of the role's policies that no request needed."""
    return [
        f"{statement['Sid']}: {action} on {pattern}"
        for document in principal.policies
        for statement in document["Statement"]
        for action in statement["Action"]
        for pattern in statement["Resource"]
        if not any(
            request.action == action
            and decide(
                _only(principal, {**statement, "Action": [action], "Resource": [pattern]}),
                action,
                request.resource,
                request.context,
            )
            for request in asked
        )
    ]


def _only(principal: Principal, statement: Json) -> Principal:
    """The role, if it had this statement only."""
    return Principal(
        arn=principal.arn,
        account=principal.account,
        tags=principal.tags,
        policies=[{"Statement": [statement]}],
        boundary=principal.boundary,
    )
