"""One endpoint that serves: the fleets behind it, and its document in step with them. What it is told to do is done in turn."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from mllocal.endpoints.asynchronous import Accepted, Backlog
from mllocal.endpoints.delivery import Delivery
from mllocal.endpoints.fleet import Fleet, VariantFleet
from mllocal.endpoints.hosted import Hosted
from mllocal.endpoints.instance import Place
from mllocal.endpoints.invocations import COMPONENT, Call, refused, unknown_endpoint
from mllocal.endpoints.measurements import Measurements, VariantSeries
from mllocal.endpoints.rollout import Rollout, raised
from mllocal.endpoints.summaries import event, summaries_of
from mllocal.jobs.faults import NO_CAPACITY
from mllocal.sagemaker.service import EventSink
from mllocal.sagemaker.store import Document, Store

POLL_SECONDS = 0.5


class EndpointHost(Hosted):
    """The endpoint of an ARN, from its creation to its deletion."""

    def __init__(self, store: Store, emit: EventSink, place: Place, arn: str, measurements: Measurements) -> None:
        super().__init__(store, arn)
        self.backlog = Backlog(store, arn)
        self._emit = emit
        self._place = place
        self._fleet: Fleet | None = None
        self._coming: Fleet | None = None
        self._share_of_coming = 0.0
        self._measurements = measurements
        self.delivery = Delivery(place.scope, place.endpoint, self.backlog, self.fleet, measurements)

    def serving(self, call: Call) -> Fleet | None:
        """What answers a request; None while there is nothing. Raises `InvocationRefusedError`."""
        fleet = self.fleet()
        if fleet is not None and fleet.asynchronous is not None:
            raise refused(f"Endpoint {call.endpoint} is asynchronous; use InvokeEndpointAsync.")
        if COMPONENT in call.headers:
            raise refused(f"Endpoint {call.endpoint} has no inference components; leave InferenceComponentName out.")
        return fleet

    def submit(self, call: Call) -> Accepted:
        """Keep a request for later. Raises `InvocationRefusedError`."""
        fleet = self.fleet()
        if fleet is None:
            raise unknown_endpoint(call)
        if fleet.asynchronous is None:
            raise refused(f"Endpoint {call.endpoint} is not asynchronous; use InvokeEndpoint.")
        return self.backlog.add(call, fleet.asynchronous)

    def sample(self) -> None:
        """Tell CloudWatch what waits at this moment."""
        fleet = self.fleet()
        if fleet is not None and fleet.asynchronous is not None:
            self.delivery.sample(sum(len(variant.in_service) for variant in fleet.variants))
            return
        for variant in self.variants():
            series = VariantSeries(self._place.scope, self._place.endpoint, variant.variant.name)
            for instance in variant.in_service:
                self._measurements.record(series.of("ConcurrentRequestsPerModel"), instance.outstanding)
                if warm := variant.variant.provisioned_concurrency:
                    share = min(instance.outstanding, warm) / warm
                    self._measurements.record(series.of("ServerlessProvisionedConcurrencyUtilization"), share)

    def fleet(self) -> Fleet | None:
        """The fleet for a request; None while there is none."""
        coming = self._coming
        if coming is not None and random.random() < self._share_of_coming:  # noqa: S311 - it only spreads requests
            return coming
        return self._fleet

    def variants(self) -> list[VariantFleet]:
        """The variants of every fleet that takes requests."""
        fleets = [self._fleet, self._coming if self._share_of_coming else None]
        return [variant for fleet in fleets if fleet is not None for variant in fleet.variants]

    def close(self) -> None:
        """End everything, and leave the document as it is: the next engine goes on from there."""
        self._worker.close()
        self.delivery.close()
        self._stop_fleets()
        self._worker.join()
        self._stop_fleets()

    def _deploy(self) -> None:
        pending: Document = self._document()["Pending"]
        coming = Fleet(self._place, pending, pending["Retained"])
        self._coming, self._share_of_coming = coming, 0.0
        reason = _health_problem(coming.failures()) or self._shift(coming, pending)
        if self._closing.is_set():
            return
        if reason is not None:
            self._roll_back(reason)
            return
        old, self._fleet, self._coming = self._fleet, coming, None
        if old is not None:
            old.retire()
        self._change(
            EndpointStatus="InService",
            EndpointConfigName=pending["EndpointConfigName"],
            LastDeploymentConfig=pending["DeploymentConfig"],
            Deployed=pending,
            Pending=None,
            FailureReason=None,
            **summaries_of(coming),
        )

    def _shift(self, coming: Fleet, pending: Document) -> str | None:
        """Move the traffic to the new fleet step by step; the reason for which it has to go back, if there is one."""
        if self._fleet is None:
            return None  # There is no traffic to move.
        rollout = Rollout.of(pending["DeploymentConfig"], sum(len(one.instances) for one in coming.variants))
        clock, last = self._place.clock, pending["StartTime"] + self._place.clock.real_seconds(rollout.most_seconds)
        for step in rollout.steps:
            self._share_of_coming = step.share
            until = time.time() + clock.real_seconds(step.wait_seconds)
            while time.time() < until and not self._closing.wait(POLL_SECONDS):
                if alarm := raised(self._place.scope, rollout.alarms):
                    return f"One or more configured alarms transitioned to ALARM during deployment: {alarm}"
                if time.time() > last:
                    return f"The deployment took longer than MaximumExecutionTimeoutInSeconds, {rollout.most_seconds:g}"
        return None

    def _roll_back(self, reason: str) -> None:
        if self._fleet is not None:
            self._change(EndpointStatus="RollingBack")
        coming, self._coming = self._coming, None
        self._share_of_coming = 0.0
        if coming is not None:
            coming.stop()
        self._reject(reason)

    def _reject(self, reason: str) -> None:
        """An endpoint that served before goes on as it was; another one has failed."""
        status = "Failed" if self._fleet is None else "InService"
        self._change(EndpointStatus=status, FailureReason=reason[:1024], Pending=None)

    def _scale(self) -> None:
        document = self._document()
        fleet = self._fleet
        if fleet is None:
            return
        wanted = {item["VariantName"]: item for item in document["ProductionVariants"]}
        reasons = {name: reason for name, one in fleet.production.items() if (reason := _resize(one, wanted[name]))}
        if not self._closing.is_set():
            self._change(EndpointStatus="InService", FailureReason=_health_problem(reasons), **summaries_of(fleet))

    def _restore(self) -> None:
        document = self._document()
        if document["Deployed"] is not None:
            wanted = {item["VariantName"]: item for item in document["ProductionVariants"]}
            fleet = Fleet(self._place, document["Deployed"], wanted)
            self._coming = fleet
            reason = _health_problem(fleet.failures())
            if self._closing.is_set():
                return
            if reason is not None:
                self._roll_back(reason)
                return
            self._fleet, self._coming = fleet, None
            status = "Updating" if document["Pending"] else "InService"
            self._change(EndpointStatus=status, **summaries_of(fleet))
        if document["Pending"]:
            self._deploy()

    def _delete(self) -> None:
        self.delivery.close()
        self._stop_fleets()
        self.backlog.forget()
        self._fleet = self._coming = None
        self._forget()

    def _stop_fleets(self) -> None:
        for fleet in (self._fleet, self._coming):
            if fleet is not None:
                fleet.stop()

    def _change(self, **changes: Any) -> Document:
        document = super()._change(**changes)
        self._emit(self._place.scope, *event(document))
        return document


def _resize(fleet: VariantFleet, wanted: Mapping[str, Any]) -> str | None:
    """The reason if instances that are wanted do not come."""
    fleet.weight = wanted["DesiredWeight"]
    if "DesiredServerlessConfig" in wanted:
        fleet.variant = fleet.variant.provisioned(wanted["DesiredServerlessConfig"])
    more = wanted.get("DesiredInstanceCount", len(fleet.instances)) - len(fleet.instances)
    if more > 0:
        return fleet.grow(more)
    fleet.shrink(-more)
    return None


def _health_problem(failures: Mapping[str, str]) -> str | None:
    return " ".join(_problem(name, reason) for name, reason in failures.items()) or None


def _problem(variant: str, reason: str) -> str:
    if reason == NO_CAPACITY:
        return reason
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. ({reason})"
    )
