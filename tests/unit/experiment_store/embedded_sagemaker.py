"""The embedded SageMaker without its engine: its documents and operations behind a real client of boto3, in this process.

It runs nothing: what jobs and executions do is written into their documents.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from botocore.awsrequest import AWSResponse

from mllocal.errors import ApiError
from mllocal.jobs.events import job_event
from mllocal.operations import endpoints, executions, jobs, models, pipelines, registry, tags, tuning
from mllocal.sagemaker.kinds import Kind
from mllocal.sagemaker.service import Service
from mllocal.sagemaker.store import Document, Scope, Store
from tests.unit.experiment_store.sagemaker_state_changes import Event
from tests.unit.servers import ACCOUNT, REGION, client

OPERATIONS = (endpoints, executions, jobs, models, pipelines, registry, tags, tuning)
SCOPE = Scope(ACCOUNT, REGION)


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **options: Any) -> Any:
        yield self._content


@dataclass
class EmbeddedSageMaker:
    """`events` are those that it sent, in their order; `calls` the names of the operations that it was asked for."""

    directory: Path
    events: list[Event] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = Service(
            store=Store(self.directory / "sagemaker.db"),
            emit=self._emit,
            runner=cast(Any, None),
            executor=cast(Any, None),
            mlflow_url="",
            hosting=cast(Any, None),
        )

    def client(self) -> Any:
        """A client of boto3 that this answers."""
        made = client("sagemaker")
        made.meta.events.register("before-send.sagemaker.*", self._answer)
        return made

    def put(self, kind: Kind, name: str, document: Document) -> Document:
        """A resource as it is now, without running it."""
        arn = SCOPE.arn(f"{kind.arn_type}/{name}")
        document = {kind.name_field: name, kind.arn_field: arn, "Tags": [], **document}
        self.service.store.insert(kind.name, arn, document)
        return document

    def create_pipeline(self, name: str, role: str, tags: list[dict[str, str]]) -> str:
        """A pipeline of one step; its ARN."""
        step = {"Name": "Fail", "Type": "Fail", "Arguments": {"ErrorMessage": "never run"}}
        made = self.client().create_pipeline(
            PipelineName=name,
            PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [step]}),
            RoleArn=role,
            ClientRequestToken=name.ljust(32, "-"),
            Tags=tags,
        )
        return str(made["PipelineArn"])

    def change(self, arn: str, **changes: Any) -> Document:
        """Change a resource without telling anybody."""
        return self.service.store.update(arn, lambda document: document.update(changes))

    def tell(self, kind: Kind, document: Document) -> Event:
        """Send the event of a job's state."""
        detail_type, _, detail = job_event(kind, document)
        self.emit(detail_type, detail, at=document["LastModifiedTime"])
        return self.events[-1]

    def emit(self, detail_type: str, detail: Document, *, at: float) -> None:
        """Send an event at a time."""
        self._emit(SCOPE, detail_type, [], detail, at=at)

    def _emit(
        self, scope: Scope, detail_type: str, resources: list[str], detail: Document, at: float | None = None
    ) -> None:
        self.events.append(
            {
                "detail-type": detail_type,
                "source": "aws.sagemaker",
                "account": scope.account,
                "region": scope.region,
                "time": str(int((at or 0) * 1000)),
                "resources": resources,
                "detail": detail,
            }
        )

    def _answer(self, request: Any, **about: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        self.calls.append(operation)
        try:
            status, content = 200, self.service.invoke(operation, SCOPE, json.loads(request.body))
        except ApiError as error:
            status, content = 400, {"__type": error.code, "message": error.message}
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        return AWSResponse(request.url, status, headers, _Body(json.dumps(content).encode()))
