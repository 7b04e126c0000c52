"""Operations that answer a callback step."""

from __future__ import annotations

from mllocal.execution import callbacks
from mllocal.sagemaker.service import Request, Service, operation
from mllocal.sagemaker.store import Document, Scope


@operation("SendPipelineExecutionStepSuccess")
def send_pipeline_execution_step_success(service: Service, scope: Scope, request: Request) -> Document:
    return _answer(service, scope, request, Status="Succeeded", OutputParameters=request.get("OutputParameters", []))


@operation("SendPipelineExecutionStepFailure")
def send_pipeline_execution_step_failure(service: Service, scope: Scope, request: Request) -> Document:
    return _answer(service, scope, request, Status="Failed", FailureReason=request.get("FailureReason"))


def _answer(service: Service, scope: Scope, request: Request, **changes: object) -> Document:
    arn = callbacks.answer(service, scope, request["CallbackToken"], request.get("ClientRequestToken"), **changes)
    return {"PipelineExecutionArn": arn}
