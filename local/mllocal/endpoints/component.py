"""One inference component: its copies, and its document in step with them. What it is told to do is done in turn."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

from mllocal.endpoints.copies import Copies, component_variant
from mllocal.endpoints.hosted import Hosted
from mllocal.endpoints.instance import Instance, Place
from mllocal.endpoints.machines import Machines
from mllocal.endpoints.measurements import Measurements
from mllocal.endpoints.rollout import Rollout, raised
from mllocal.sagemaker.store import Document, Store

POLL_SECONDS = 0.5


class ComponentHost(Hosted):
    """The component of an ARN, from its creation to its deletion. AWS tells EventBridge nothing about it."""

    def __init__(self, store: Store, place: Place, arn: str, machines: Machines, measurements: Measurements) -> None:
        super().__init__(store, arn)
        self.copies: Copies | None = None
        self._place = place
        self._machines = machines
        self._measurements = measurements

    def resume(self, status: str) -> None:
        """Go on with what the last engine served, or was about to do."""
        if status == "Deleting":
            self.delete()
        elif status != "Failed":
            self.restore()

    def close(self) -> None:
        """End everything, and leave the document as it is: the next engine goes on from there."""
        self._worker.close()
        self._stop()
        self._worker.join()
        self._stop()

    def sample(self) -> None:
        """Tell CloudWatch what waits at each copy. Of invocations there is nothing to tell while there are none."""
        copies = self.copies
        if copies is None:
            return
        series = copies.series(self._place.scope, self._place.endpoint)
        for copy in copies.in_service:
            self._measurements.record(series.of("ConcurrentRequestsPerModel"), copy.outstanding)

    def _deploy(self) -> None:
        pending: Document = self._document()["Pending"]
        reason = self._bring(pending)
        if self._closing.is_set():
            return
        if reason is not None:
            self._reject(reason)
            return
        self._change(
            InferenceComponentStatus="InService",
            LastDeploymentConfig=pending["DeploymentConfig"],
            Deployed=pending,
            Pending=None,
            FailureReason=None,
        )

    def _bring(self, pending: Document) -> str | None:
        """The reason if copies of the new specification do not all come, and then everything is as it was."""
        variant = component_variant(self._machines, pending)
        count = self._document()["DesiredCopyCount"]
        if self.copies is None:
            name = self.arn.rpartition("/")[2]
            copies = Copies(self._place, name, variant, self._machines, self._closing)
            self.copies = copies
            return copies.grow(count)
        before, old = self.copies.variant, list(self.copies.instances)
        self.copies.variant = variant
        reason = self._roll(self.copies, old, count, pending["DeploymentConfig"])
        if reason is not None and not self._closing.is_set():
            self.copies.variant = before
            self.copies.remove([copy for copy in self.copies.instances if copy not in old])
            self.copies.grow(len(old) - len(self.copies.instances))
        return reason

    def _roll(self, copies: Copies, old: list[Instance], count: int, deployment: Document | None) -> str | None:
        """Batch by batch: new copies come, and then as many old ones go."""
        rollout = Rollout.of(deployment, count)
        for step in rollout.steps:
            new = [copy for copy in copies.instances if copy not in old]
            if reason := copies.grow(math.ceil(step.share * count) - len(new)):
                return reason
            gone = math.ceil(step.share * len(old))
            copies.remove([copy for copy in old[:gone] if copy in copies.instances])
            for _ in self._waiting(step.wait_seconds):
                if alarm := raised(self._place.scope, rollout.alarms):
                    return f"One or more configured alarms transitioned to ALARM during deployment: {alarm}"
        return None

    def _waiting(self, seconds: float) -> Iterator[None]:
        until = time.time() + self._place.clock.real_seconds(seconds)
        while time.time() < until and not self._closing.wait(POLL_SECONDS):
            yield

    def _scale(self) -> None:
        copies, desired = self.copies, self._document()["DesiredCopyCount"]
        if copies is None:
            return
        more = desired - len(copies.instances)
        reason = copies.grow(max(more, 0))
        copies.shrink(max(-more, 0))
        if not self._closing.is_set():
            self._change(
                InferenceComponentStatus="InService",
                FailureReason=reason,
                DesiredCopyCount=len(copies.instances),
            )

    def _restore(self) -> None:
        document = self._document()
        if document["Deployed"] is not None:
            reason = self._bring(document["Deployed"])
            status = "Updating" if document["Pending"] else "InService"
            self._change(InferenceComponentStatus=status, FailureReason=reason)
        if document["Pending"]:
            self._deploy()

    def _delete(self) -> None:
        self._stop()
        self._forget()

    def _reject(self, reason: str) -> None:
        """A component that served before goes on as it was; another one has failed, and still shows what was asked for."""
        if self._document()["Deployed"] is None:
            self._change(InferenceComponentStatus="Failed", FailureReason=reason[:1024])
            return
        counts = {} if self.copies is None else {"DesiredCopyCount": len(self.copies.instances)}
        self._change(InferenceComponentStatus="InService", FailureReason=reason[:1024], Pending=None, **counts)

    def _stop(self) -> None:
        if self.copies is not None:
            self.copies.stop()

    def _change(self, **changes: Any) -> Document:
        current = 0 if self.copies is None else len(self.copies.instances)
        return super()._change(CurrentCopyCount=current, **changes)
