"""A reconciliation over the embedded SageMaker, and a world of resources in it, with their data and images in real emulators."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mllocal.sagemaker.kinds import Kind
from mllocal.sagemaker.store import Document
from mlplatform.experiment_store.runtime.capture.reconciliation import Reconciliation
from mlrecords.observations import run_id_of
from tests.unit.experiment_store.capturing import Captured
from tests.unit.experiment_store.embedded_sagemaker import EmbeddedSageMaker
from tests.unit.servers import ACCOUNT

TAGS = [{"Key": "project", "Value": "demo"}]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/training"


@dataclass
class Nightly:
    """The capture gets what the reconciliation `sent`. `now` is when it is made."""

    sagemaker: EmbeddedSageMaker
    captured: Captured
    now: datetime
    sent: list[dict[str, Any]] = field(default_factory=list)

    def run(self, *, now: datetime | None = None, has_time: Callable[[], bool] = lambda: True) -> dict[str, Any]:
        reconciliation = Reconciliation(
            store=self.captured.store,
            sagemaker=self.sagemaker.client(),
            send=lambda body: self.sent.append(json.loads(body)),
            account=ACCOUNT,
            has_time=has_time,
        )
        return reconciliation.run(self.now if now is None else now)

    def capture(self) -> None:
        """Have the capture work on what was sent."""
        assert self.captured.deliver(*self.sent) == []
        self.sent.clear()

    def state_of(self, arn: str) -> str:
        return self.captured.store.record(run_id_of(arn)).status.state

    def put(self, kind: Kind, name: str, status: str = "Completed", **document: Any) -> Document:
        """A resource that changed ten minutes ago."""
        moment = self.now.timestamp() - 600
        times = {"CreationTime": moment, "LastModifiedTime": moment, "CreatedBy": {}}
        return self.sagemaker.put(kind, name, {**times, str(kind.status_field): status, "Tags": TAGS, **document})
