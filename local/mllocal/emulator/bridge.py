"""Everything that reaches into ministack, which has no public way to add a service (the version is pinned exactly for this).

Registers the SageMaker API, SageMaker's CloudFormation types, events of `aws.sagemaker` and of alarms, and EventBridge targets that are
pipelines; gives S3 the key that AWS manages for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import ministack.app
from botocore.exceptions import ClientError
from ministack.core import router
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch, eventbridge, lambda_svc, s3
from ministack.services.cloudformation import provisioners, stacks

from mllocal.autoscaling.api import SERVICE as AUTOSCALING
from mllocal.autoscaling.api import TARGET_PREFIX as AUTOSCALING_PREFIX
from mllocal.autoscaling.api import AutoScalingApi
from mllocal.emulator.durability import save
from mllocal.emulator.resource_types import DEPENDENCIES, ResourceType
from mllocal.emulator.runtime_api import PREFIX as RUNTIME_PREFIX
from mllocal.emulator.runtime_api import RuntimeApi
from mllocal.errors import ApiError, validation
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Scope
from mllocal.sagemaker.wire import TARGET_PREFIX

Answer = tuple[int, dict[str, str], bytes]
Invoke = Callable[[str, Scope, dict[str, Any]], dict[str, Any]]
AsgiApplication = Callable[..., Awaitable[None]]
Result = TypeVar("Result")
_SSE = "x-amz-server-side-encryption"
_SSE_KEY = f"{_SSE}-aws-kms-key-id"
_JSON = "application/x-amz-json-1.1"
_LOG = logging.getLogger("mllocal.bridge")

application: AsgiApplication = ministack.app.app


def current_scope() -> Scope:
    """The account and region of the request that is being served."""
    return Scope(account=get_account_id(), region=get_region())


def emit_event(scope: Scope, detail_type: str, resources: list[str], detail: Document) -> None:
    """Publish an event of `aws.sagemaker` on the default bus."""
    with request_scope(scope.account, scope.region):
        _put_event("aws.sagemaker", detail_type, resources, detail)


def _put_event(source: str, detail_type: str, resources: list[str], detail: Document) -> None:
    """Only services may use an `aws.` source."""
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": resources}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    eventbridge._events_log_list().clear()  # ministack keeps every event there, and reads none: it would grow without a bound


def keep_events_in_queues() -> None:
    """A message that a rule puts into a queue is on disk at once, as one that is sent there: nobody would send it again."""
    deliver = eventbridge._dispatch_to_sqs

    def deliver_and_save(*arguments: Any) -> None:
        deliver(*arguments)
        save(("sqs",))

    eventbridge._dispatch_to_sqs = deliver_and_save


def register_alarm_events() -> None:
    """Let EventBridge know each change of an alarm's state (CloudWatch user guide, "Alarm events and EventBridge")."""
    record = cloudwatch._record_history

    def record_and_tell(name: str, old: str, new: str, reason: str, *rest: Any, **options: Any) -> None:
        record(name, old, new, reason, *rest, **options)
        alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms[name]
        detail = {"alarmName": name, "state": {"value": new, "reason": reason}, "previousState": {"value": old}}
        _put_event("aws.cloudwatch", "CloudWatch Alarm State Change", [alarm["AlarmArn"]], detail)

    cloudwatch._record_history = record_and_tell


def register_sagemaker(service: Service, runtime: RuntimeApi) -> None:
    """Route `X-Amz-Target: SageMaker.*` and requests to endpoints to the embedded SageMaker."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Answer:
        if path.startswith(RUNTIME_PREFIX):
            return await runtime.answer(current_scope(), path, headers, body)
        operation = headers.get("x-amz-target", "").removeprefix(TARGET_PREFIX)
        return await asyncio.to_thread(_answer, service.invoke, operation, current_scope(), body)

    router.SERVICE_PATTERNS["sagemaker"] = {
        "target_prefixes": [TARGET_PREFIX],
        "host_patterns": [r"api\.sagemaker\."],
        "credential_scope": "sagemaker",
    }
    ministack.app.SERVICE_HANDLERS["sagemaker"] = handle


def register_autoscaling(api: AutoScalingApi) -> None:
    """Route `X-Amz-Target: AnyScaleFrontendService.*` to the embedded Application Auto Scaling."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Answer:
        operation = headers.get("x-amz-target", "").removeprefix(AUTOSCALING_PREFIX)
        return await asyncio.to_thread(_answer, api.invoke, operation, current_scope(), body)

    router.SERVICE_PATTERNS[AUTOSCALING] = {
        "target_prefixes": [AUTOSCALING_PREFIX],
        "host_patterns": [r"application-autoscaling\."],
        "credential_scope": AUTOSCALING,
    }
    ministack.app.SERVICE_HANDLERS[AUTOSCALING] = handle


def _answer(invoke: Invoke, operation: str, scope: Scope, body: bytes) -> Answer:
    try:
        request = _parse(body)
        return 200, {"Content-Type": _JSON}, json.dumps(invoke(operation, scope, request)).encode()
    except ApiError as error:
        content = {"__type": error.code, "message": error.message, "Message": error.message}
        return 400, {"Content-Type": _JSON, "x-amzn-errortype": error.code}, json.dumps(content).encode()


def _parse(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError("SerializationException", f"the request's body is not JSON: {error}") from None
    if not isinstance(request, dict):
        raise validation(f"the request's body must be a JSON object; got {type(request).__name__}")
    return request


def register_resource_types(types: dict[str, ResourceType]) -> None:
    """Let CloudFormation create, change and delete these types of resources, on worker threads: they call other APIs."""
    for name, resource_type in types.items():
        provisioners._RESOURCE_HANDLERS[name] = _handlers(resource_type)
    for name in DEPENDENCIES:
        provisioners._RESOURCE_HANDLERS[name]["delete"] = _refuse_in_use(name)
    blocks = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name in types or name in DEPENDENCIES or blocks(name)


def _refuse_in_use(name: str) -> Callable[[str, Document], None]:
    """ministack's deletion of a type, after a look at what is still in the resource."""
    delete = provisioners._RESOURCE_HANDLERS[name]["delete"]

    def delete_unless_in_use(physical_id: str, properties: Document) -> None:
        if found := DEPENDENCIES[name](current_scope(), physical_id):
            raise ValueError(
                f"resource {physical_id} has a dependent object: {', '.join(found)} "
                "(Service: Ec2, Error Code: DependencyViolation)"
            )
        delete(physical_id, properties)

    return delete_unless_in_use


def _handlers(resource_type: ResourceType) -> dict[str, Callable[..., Any]]:
    def create(logical_id: str, properties: Document, stack_name: str) -> tuple[str, Document]:
        return _cloudformation(lambda: resource_type.create(current_scope(), logical_id, properties, stack_name))

    def update(physical_id: str, old: Document, new: Document, stack_name: str) -> tuple[str, Document]:
        return _cloudformation(lambda: resource_type.update(current_scope(), physical_id, old, new))

    def delete(physical_id: str, properties: Document) -> None:
        _cloudformation(lambda: resource_type.delete(current_scope(), physical_id, properties))

    return {"create": create, "update": update, "delete": delete}


def _cloudformation(action: Callable[[], Result]) -> Result:
    """CloudFormation shows a ValueError's text as the reason of a failed resource."""
    try:
        return action()
    except ApiError as error:
        raise ValueError(f"{error.message} (Service: SageMaker, Error Code: {error.code})") from error
    except ClientError as error:
        raise ValueError(str(error)) from error


def register_pipeline_targets(service: Service) -> None:
    """Let EventBridge rules and schedules start pipelines."""
    deliver = eventbridge._invoke_target

    def invoke_target(target: Document, event: Document, rule: Document, view: Any = None) -> None:
        arn = target.get("Arn", "")
        if not arn.startswith("arn:") or arn.split(":")[2] != "sagemaker":
            deliver(target, event, rule, view)
            return
        parameters = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
        request = {
            "PipelineName": arn,
            "PipelineParameters": parameters,
            "ClientRequestToken": f"{event['EventId']}-{arn.rsplit('/', 1)[-1]}"[:128].ljust(32, "0"),
        }
        service.invoke("StartPipelineExecution", current_scope(), request)

    eventbridge._invoke_target = invoke_target


def retry_functions_of_rules() -> None:
    """EventBridge calls a function asynchronously, so that Lambda tries a failed call again and then tells the function's
    destination; ministack calls it once."""

    def call_asynchronously(arn: str, payload: str) -> None:
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            _LOG.warning("a rule calls the function %s, which does not exist", name)
            return
        lambda_svc.invoke_async_with_retry(
            lambda_svc._execution_record_for_config(function, config), json.loads(payload)
        )

    eventbridge._dispatch_to_lambda = call_asynchronously


def give_s3_its_managed_key() -> None:
    """Let an upload with `aws:kms` and no key use the account's AWS managed key `aws/s3`, as on AWS; ministack refuses it."""
    resolve = s3._resolve_sse_write_headers

    def resolve_write(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(_SSE) == "aws:kms" and not headers.get(_SSE_KEY):
            headers = {**headers, _SSE_KEY: f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"}
        return resolve(headers, bucket)

    s3._resolve_sse_write_headers = resolve_write
